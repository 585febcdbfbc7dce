"""`hallpulse boundaries`: check boundaries and put them in place for the page's maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from hallpulse.boundaries import BoundaryError, put_boundaries, read_boundary_file
from services.console.suite_connection import directory_option
from services.console.usage import BadUsage, input_file
from services.local.suite_directory import SuiteDirectory


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path), callback=input_file)
@click.option("--region", type=int, metavar="CODE", help="The region above the areas; as their codes say if left out.")
@click.option("--hall", "halls", multiple=True, metavar="TOWNSHIP=HALL",
              help="The hall whose figures a township shows; may be given again.")  # fmt: skip
@click.option("--check", is_flag=True, help="Only check FILE.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), envvar="HALLPULSE_BOUNDARIES",
              help="Where to put it: the gateway's HALLPULSE_BOUNDARIES; by default the suite's.")  # fmt: skip
@directory_option
def command(
    path: Path, region: int | None, halls: Sequence[str], *, check: bool, folder: Path | None, directory: Path
) -> None:
    """Check FILE, GeoJSON with the boundaries of prefectures, counties or townships, and put it in place.

    The page shows them at once as a map. 检查边界文件（GeoJSON）并放到页面读取的位置；页面随即显示地图。

    Exit status 0 if the file can be used, else 1 with all that is wrong in it.
    """
    if region is not None and not 110_000 <= region <= 919_999:
        raise BadUsage(f"--region {region}: expected a code of 6 digits")
    try:
        found = read_boundary_file(path, region, dict(_pair(one) for one in halls))
    except BoundaryError as error:
        for line in str(error).splitlines():
            click.echo(f"{path}: {line}", err=True)
        raise SystemExit(1) from None
    click.echo(f"{path}: 可用 good: {found.region}, 区域 areas: {len(found.features)}")
    if not check:
        click.echo(put_boundaries(found, folder or SuiteDirectory(directory).boundaries))


def _pair(text: str) -> tuple[str, str]:
    township, equals, hall = text.partition("=")
    if not (equals and township and hall):
        raise BadUsage(f"--hall {text}: expected TOWNSHIP=HALL, such as 222424101=wangqing-zhen")
    return township, hall
