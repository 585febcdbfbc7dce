"""The texts that the commands print for the bureau: Chinese first, then English."""

from __future__ import annotations

from collections.abc import Mapping

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.targets import State

STATES: Mapping[State, Sentence] = {
    State.MET: Sentence("✔ 达标", "met"),
    State.ON_PACE: Sentence("↗ 进度正常", "on pace"),
    State.BEHIND: Sentence("▼ 进度落后", "behind"),
    State.MISSED: Sentence("✘ 未达标", "missed"),
    State.NOT_MEASURED: Sentence("… 暂无数据", "no data"),
    State.BELOW_MIN_DENOMINATOR: Sentence("· 样本过少", "too few"),
    State.NOT_STARTED: Sentence("· 未开始", "not started"),
}
NOT_COMPARED = Sentence("无法与库中数据比对，全部发布", "cannot compare with what is stored: everything is published")

PUBLISHED = Sentence("已发布", "published")
STORED = Sentence("已入库", "stored")
LAG = Sentence("待入库", "lag")
AS_OF = Sentence("截至", "as of")
SPAN = Sentence("统计区间", "over")
WORST_DEPARTMENT = Sentence("最差部门", "worst department")
MEASURED_BY_ARRIVAL = Sentence(
    "月报按到达本系统之日计：以往各月事后一次送来，都算迟报",
    "monthly reports are measured by the day they arrive here: past months sent at once, afterwards, are all late",
)
GATEWAY_PAGE = Sentence("指标看板", "board page")
PROMETHEUS_PAGE = Sentence("监控数据", "Prometheus")
ALERTMANAGER_PAGE = Sentence("告警", "Alertmanager")
KEYS_FILE = Sentence("地址、令牌与登录口令", "addresses, tokens, and with what to sign in")
DEMO_YEAR = Sentence("模拟一个县的一年", "a county's year, simulated")
DEMO_FILE = Sentence("导入文件", "from the file")
HALLS_ADDED = Sentence("新登记大厅", "halls registered")
STORED_IN = Sentence("全部入库，用时", "all stored, after")
EVENTS_STORED = Sentence("库中不同事件", "different events stored")
KEYS_SHOWN_ONCE = Sentence("只显示这一次。", "Shown this once: keep them where the hall's system finds them.")
TOKEN_SHOWN_ONCE = Sentence("只显示这一次。", "Shown this once: keep it where it is used.")
PASSWORD_SHOWN_ONCE = Sentence(
    "一次性密码，只显示这一次；首次登录须修改。",
    "Shown this once; it is changed at the first sign-in.",
)
FIRST_ACCOUNT = Sentence(
    "第一个账户：{name}，一次性密码 {password}（首次登录须修改；其他账户用 hallpulse user add）",
    "first account: {name}, one-time password {password} (changed at the first sign-in; others: hallpulse user add)",
)
NOT_AUDITED = Sentence("无法写入审计记录", "this could not be written to the audit")
REVEALED = Sentence("已写入审计记录：谁查看了原文", "The audit now says who looked at this body as it came.")
FOR_TESTS_ONLY = Sentence(
    "⚠ 仅供测试！{days} 天后失效。正式环境请使用本单位证书机构签发的证书。",
    "⚠ FOR TESTS ONLY: good for {days} days. In production use certificates of your own authority.",
)
STOP_WITH = Sentence("按 Ctrl-C 结束", "Ctrl-C ends it")
ALREADY_RUNS = Sentence("套件已在运行，直接使用", "the suite runs already and is used as it is")
