"""Every text of the report, Chinese first, English second; `{name}` is filled in."""

from __future__ import annotations

from collections.abc import Mapping

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.flow import WAYS_OUT
from hallpulse.domain.restatement import ChangeKind
from hallpulse.domain.targets import State

# The head
TITLE = Sentence("{plan}完成情况{kind}", "{plan}: {kind}")
TITLE_OF_ONE = Sentence("{who}政务服务办件情况{kind}", "{who}: {kind} on its cases")
SUBTITLE = Sentence("（{period}）", "{period}")
SUBTITLE_RUNNING = Sentence("（{period}，截至{day}日）", "{period}, up to day {day}")
TO = Sentence("主送", "To")
TO_ALL = Sentence("各有关部门", "the departments concerned")
ISSUER = Sentence("{region}政务服务主管部门", "the department in charge of government services of {region}")
ISSUED_BY, SIGNED_BY = Sentence("编制单位", "Issued by"), Sentence("签发", "Signed by")
COPIED_TO, ISSUED_ON = Sentence("抄送", "Copies to"), Sentence("印发日期", "Issued on")
COPIES = Sentence("，", ", ")
ATTACHMENT = Sentence("附件", "Attached")
ATTACHED = Sentence(
    "数据表（{name}.xlsx，含各项数字的算式和查询）", "{name}.xlsx, with formulas and the query of each figure"
)
OPENING = Sentence(
    "按照{document}的要求，现将{who}{period}政务服务指标完成情况报告如下。",
    "As {document} asks, the results of {who} for {period} are reported below.",
)
BASIS = Sentence("依据", "Plan")
REGION = Sentence("区划代码", "Region")
PERIOD = Sentence("目标统计期", "Period of the targets")
MONTH = Sentence("本期统计期", "Days covered")
PHASE = Sentence("方案阶段", "Phase")
COMPILED = Sentence("编制时间", "Compiled")
FRESHNESS = Sentence("本期最新数据", "Newest event in these days")
NO_PHASE = Sentence("不在方案所列阶段", "not in a phase of the plan")
SPAN = Sentence("{start}至{end}", "{start} to {end}")
NO_EVENTS = Sentence("无", "none")
CLOSING = Sentence(
    "本报告由系统按已入库事件自动计算，每个数字均可追溯到办件。迟报、更正的数据入库后，数字随之改变。",
    "Computed from the stored events; every figure can be traced to its cases. Late or corrected reports change it.",
)
RUNNING = Sentence(
    "{this}尚未结束，以下数字截至{on}，仅供参考，不作为报送稿。",
    "{this} is not over: these figures run to {on}, for information only; do not submit them as the report.",
)
LIST = Sentence("、", ", ")
CLAUSES = Sentence("；", "; ")
END = Sentence("。", ".")

QUERY = Sentence("查询", "Query")
DATA_SHEET = Sentence("图表数据", "data of the charts")
TEXTS_SHEET, SEE_SHEET = Sentence("概况", "summary"), Sentence("见工作表“{name}”", "see the sheet {name}")

# Sections
SUMMARY = Sentence("概况", "Summary")
TARGETS = Sentence("目标完成情况", "Targets")
DEPARTMENTS = Sentence("部门情况", "Departments")
QUALITY = Sentence("数据真实性", "Data quality and integrity")
LOWERING = Sentence("提速情况", "Compression of limits")
NOTES = Sentence("附注", "Notes")

# Summary
COUNTED = Sentence(
    "截至{on}，方案{n}项目标中，已达标{met}项，进度正常{on_pace}项，进度落后{behind}项，未达标{missed}项，暂不能判断{rest}项。",
    "By {on}, of the plan's {n} targets {met} are met, {on_pace} on pace, {behind} behind, {missed} missed;"
    " {rest} cannot be judged.",
)
SHORT = Sentence("需要关注的目标：", "Short of what is required: ")
SHORT_ONE = Sentence(
    "{name}完成{value}（{parts}），应达{required}，距目标{goal}差{gap}",
    "{name} {value} ({parts}), required {required}, {gap} from the goal of {goal}",
)
SHORT_BOUND = Sentence("{name}有{n}个部门未达到", "{name}: {n} departments are short")
NONE_SHORT = Sentence("能够判断的目标中没有进度落后的。", "None of the targets that can be judged is behind.")
NONE_JUDGED = Sentence("没有能够判断的目标。", "No target can be judged.")
FORECAST_MET = Sentence(
    "按近期趋势，到{end}预计达标：{names}。", "At the recent pace, these will be met by {end}: {names}."
)
FORECAST_SHORT = Sentence(
    "按近期趋势，到{end}预计不能达标：{names}。", "At the recent pace, these will not be met by {end}: {names}."
)
FORECAST_ONE = Sentence("{name}（预计{value}，目标{goal}）", "{name} ({value}, goal {goal})")
ACCEPTED = Sentence(
    "{this}受理办件{accepted}件，不予受理{rejected}件",
    "In {this}, {accepted} cases were accepted and {rejected} refused",
)
DECIDED = Sentence(
    "办结{timed}件，其中当日办结{instant}件，占{share}", "{timed} decided, {instant} on the same day ({share})"
)
NOTHING_DECIDED = Sentence("没有计时的办结件", "none decided")
ELAPSED = Sentence(
    "平均用时{mean}个工作日，九成在{p90}个工作日内办结", "in {mean} working days on average, nine of ten within {p90}"
)
DUE = Sentence("到期{due}件，按期办结{kept}件，到期办结率{rate}", "of {due} due, {kept} were decided in time ({rate})")
NOTHING_DUE = Sentence("没有到期的办件", "none fell due")
RATED = Sentence("评价{rated}件，满意率{rate}", "{rated} were rated, {rate} of them satisfied")
NOTHING_RATED = Sentence("没有评价", "none were rated")
COMPRESSION_ROSE = Sentence(
    "承诺办结时限压缩比{now}，比{before}末（{was}）提高{by}个百分点。",
    "The compression of promised limits is {now}, up {by} points from the end of {before} ({was}).",
)
COMPRESSION_FELL = Sentence(
    "承诺办结时限压缩比{now}，比{before}末（{was}）下降{by}个百分点，原因见“提速情况”。",
    "The compression of promised limits is {now}, down {by} points from the end of {before} ({was}); see below.",
)
COMPRESSION_SAME = Sentence(
    "承诺办结时限压缩比{now}，与{before}末持平。",
    "The compression of promised limits is {now}, unchanged since the end of {before}.",
)
OPEN_NOW = Sentence(
    "截至{on}，在办{open}件，其中超期{overdue}件，临期{due_soon}件，超时未受理{unaccepted_late}件，暂停计时{suspended}件。",
    "On {on}, {open} cases were open: {overdue} overdue, {due_soon} due soon,"
    " {unaccepted_late} not accepted in time, {suspended} suspended.",
)
REPORTED = Sentence(
    "大厅{halls}个，{this}报送数据的{reporting}个；真实性检查中{kinds}类有发现，共{count}条，见“数据真实性”。",
    "{reporting} of {halls} halls reported in {this}; {kinds} integrity checks found something, {count} findings in"
    " all.",
)
FOUND = Sentence(
    "真实性检查中{kinds}类有发现，共{count}条，见“数据真实性”。",
    "{kinds} integrity checks found something, {count} findings in all.",
)
MAIN_TABLE = Sentence("主要指标比较", "Main figures compared")
NOW, CHAIN, YEAR_AGO, ON_YEAR = (
    Sentence("本期", "Now"),
    Sentence("环比", "Against before"),
    Sentence("上年同期", "A year before"),
    Sentence("同比", "Against a year before"),
)
TARGETS_CHART = Sentence("目标完成值与目标值", "Values and goals of the targets")
CHANGES_TABLE = Sentence("目标的环比与同比", "Targets compared with the period and the year before")

# Tables
OVER = Sentence(
    "统计期{start}至{end}；报送大厅{reporting}/{halls}；最新数据{newest}",
    "{start} to {end}; {reporting} of {halls} halls reporting; newest event {newest}",
)
AS_OF = Sentence(
    "在办为{end}日终的状态；到期数为{start}至{end}；报送大厅{reporting}/{halls}；最新数据{newest}",
    "open at the end of {end}; due from {start} to {end}; {reporting} of {halls} halls reporting; newest event"
    " {newest}",
)
TARGETS_TABLE = Sentence("方案目标", "Targets of the plan")
READINGS_TABLE = Sentence("“再提升”的三种读法", "Three readings of “a further …”")
NUMBER = Sentence("序号", "No.")
TARGET = Sentence("目标", "Target")
VALUE = Sentence("完成值", "Value")
REQUIRED = Sentence("应达", "Required")
GOAL = Sentence("目标值", "Goal")
GAP = Sentence("差距", "Gap")
FORECAST = Sentence("期末预测", "Forecast")
POINTS = Sentence("百分点", "points")
WORST = Sentence("最差部门", "worst department")
ITEM_OF_PLAN, PART_OF_PLAN = Sentence("方案第{source}项", "item {source}"), Sentence("方案{source}", "part {source}")
EVERY_DEPARTMENT = Sentence("各部门", "every department")
READINGS: Mapping[str, Sentence] = {
    "points": Sentence("百分点", "points"),
    "relative": Sentence("相对提升", "relative"),
    "remaining": Sentence("剩余空间", "of what remains"),
}
ADOPTED = Sentence("方案采用", "the one in the plan")
REACHED, NOT_REACHED = Sentence("已达到", "reached"), Sentence("未达到", "not reached")
STATES: Mapping[State, Sentence] = {
    State.MET: Sentence("已达标", "met"),
    State.ON_PACE: Sentence("进度正常", "on pace"),
    State.BEHIND: Sentence("进度落后", "behind"),
    State.MISSED: Sentence("未达标", "missed"),
    State.NOT_MEASURED: Sentence("无数据", "not measured"),
    State.BELOW_MIN_DENOMINATOR: Sentence("样本不足", "too few"),
    State.NOT_STARTED: Sentence("未开始", "not started"),
}
STATE = Sentence("状态", "State")
WHY_TITLE = Sentence("暂不能判断的目标：", "Targets that cannot be judged: ")
WHY_ONE = Sentence("{name}——{why}", "{name}: {why}")
WHY_DECLARED = Sentence("截至{on}尚未报送", "not reported by {on}")
WHY_COUNTED = Sentence("截至{on}没有可统计的数据", "nothing to count by {on}")
WHY_UNKNOWN = Sentence("目录中{m}个事项都没有说明这一项", "none of the catalogue's {m} items states this")
WHY_FEW = Sentence("只有{n}件，少于方案规定的{least}件", "only {n} counted, fewer than the plan's {least}")
WHY_REFERENCE = Sentence("参照值“{name}”尚未报送", "its reference, {name}, has not been reported")
WHY_NOT_STARTED = Sentence("方案从{start}开始", "the plan begins on {start}")
WHY_MISSING = Sentence("{n}个部门中{missing}个尚未报送", "{missing} of {n} departments have not reported")
BOUND_SHORT = Sentence("{name}未达到的部门：{names}。", "{name}, departments that are short: {names}.")
AND_MORE = Sentence("等{n}个", "{n} in all")

# Departments
RANKED_TABLE = Sentence("按{indicator}排名", "Ranked by {indicator}")
UNRANKED_TABLE = Sentence("不参与{indicator}排名的部门", "Not ranked by {indicator}")
NOBODY_RANKED = Sentence("没有部门的{indicator}可以排名。", "No department can be ranked by {indicator}.")
RANK = Sentence("名次", "Rank")
DEPARTMENT = Sentence("部门", "Department")
REASON = Sentence("原因", "Why")
TOO_FEW = Sentence("分母{n}，少于{least}", "{n} counted, fewer than {least}")
KNOWN = Sentence("已知{n}/{m}", "known for {n}/{m}")
ABOUT = Sentence("约{n}", "about {n}")
FEW = Sentence("样本不足", "too few")
NOTHING_TO_RANK = Sentence(
    "没有可统计数据、不参与{indicator}排名的部门{n}个：{names}。",
    "{n} departments have nothing to count by {indicator}: {names}.",
)
NOTHING_COUNTED = Sentence("没有可统计的数据", "nothing to count")

COMPRESSION_CAUSES = Sentence(
    "{name}自方案期开始以来的变化（百分点）：{causes}。",
    "{name}, change since the plan's period began, in points: {causes}.",
)

# Marks
MARKED = Sentence(
    "※ {name}中有{n}个事项{check}，扣除后为{value}（{parts}）。",
    "※ {name}: {n} items, {check}; without them {value} ({parts}).",
)
MARKED_CASES = Sentence(
    "※ {name}中有{n}件{check}，扣除后为{value}（{parts}）。",
    "※ {name}: {n} cases, {check}; without them {value} ({parts}).",
)
MARKED_ONE = Sentence("※ {check}{n}项，扣除后{value}", "※ {check}: {n}, without them {value}")
MARKED_DEPARTMENTS = Sentence(
    "※ 排名所依据的数字中含有存疑部分的部门，扣除后的值列在旁边。",
    "※ The figure that ranks this department gains from findings; the value without them stands beside it.",
)
WITHOUT = Sentence("扣除存疑后", "Without findings")

# Flow
FLOW_TABLE = Sentence("办件流量", "Flow of cases")
FLOW_COLUMNS: Mapping[str, Sentence] = {
    "carried": Sentence("上期结转", "Carried over"),
    "received": Sentence("新收", "Received"),
    **{way.name: Sentence(way.zh, way.en) for way in WAYS_OUT.values()},
    "open": Sentence("期末在办", "Open at the end"),
}
BALANCED = Sentence(
    "结转{carried}件，新收{received}件；不予受理{refused}件，办结{decided}件，撤件{withdrawn}件；期末在办{open}件。",
    "{carried} carried over and {received} received; {refused} refused, {decided} decided, {withdrawn} withdrawn;"
    " {open} open at the end.",
)
OPEN_DIFFERS = Sentence(
    "期末在办{open}件按现在所知计；“超期与临期”按当日为止发生的环节计，在办{then}件：差额来自此后撤销或更正的环节。",
    "Open at the end by what is known now: {open}; by the steps that had happened by then, as in the list of overdue"
    " cases: {then}. Steps that were retracted or corrected since make the difference.",
)
TALLIED = Sentence(
    "流量只含逐件上报的办件；概况中的受理、不予受理和办结还含只报日报数的大厅的件数。",
    "The flow counts only cases that are sent one by one; the numbers accepted, refused and decided in the summary"
    " include those of halls that send only daily counts.",
)

# Open cases
OPEN_TABLE = Sentence("各部门在办件与本期到期件", "Open cases and those that fell due, by department")
NOTHING_OPEN = Sentence("没有在办件，本期也没有到期的办件。", "No case is open, and none fell due.")
OPEN_CASES = Sentence("在办", "Open")
OPEN_STATES: Mapping[str, Sentence] = {
    "overdue": Sentence("超期", "Overdue"),
    "due_soon": Sentence("临期", "Due soon"),
    "unaccepted_late": Sentence("超时未受理", "Not accepted"),
    "suspended": Sentence("暂停计时", "Suspended"),
    "on_time": Sentence("正常", "On time"),
}
LATE_IN_MONTH = Sentence("到期未按期", "Due, late")
KEPT_IN_MONTH = Sentence("到期办结率", "Due, in time")
TOTAL = Sentence("合计", "Total")
NOT_OVER = Sentence("未解除", "not over")

# Quality
COVERAGE_TABLE = Sentence("覆盖与时效", "Coverage and freshness")
COVERED = Sentence("统计期", "Window")
HALLS = Sentence("大厅数", "Halls")
REPORTING = Sentence("报送大厅数", "Reporting")
NEWEST = Sentence("最新数据", "Newest event")
OF_PERIOD = Sentence("目标统计期", "the targets' window")
FINDINGS_TABLE = Sentence("真实性检查", "Integrity checks")
CHECK = Sentence("检查项", "Check")
CONCERNS = Sentence("对象", "Subject")
COUNT = Sentence("发现数", "Findings")
SOURCES_TABLE = Sentence("各大厅数据质量评级（A 最好，D 最差）", "Grades of each hall's data (A best, D worst)")
SOURCE = Sentence("大厅", "Hall")
GRADE = Sentence("评级", "Grade")
TO_MEND = Sentence("要改进的地方", "What to improve")
NOTHING_TO_MEND = Sentence("无", "nothing")
EXAMPLES = Sentence("单位（占比）或举例", "Units (share), or examples")
OF_WHAT: Mapping[str, Sentence] = {
    "cases": Sentence("办件", "cases"),
    "items": Sentence("事项", "items"),
    "halls": Sentence("大厅", "halls"),
    "departments": Sentence("单位", "units"),
    "figures": Sentence("申报数", "declared figures"),
}
CLEAN = Sentence("其余{n}项检查没有发现：{names}。", "{n} other checks found nothing: {names}.")
ALL_CLEAN = Sentence("{n}项检查均没有发现。", "None of the {n} checks found anything.")
SILENT = Sentence(
    "有{n}个大厅{this}没有报送数据，上述数字不完整。",
    "{n} halls reported nothing in {this}: the figures are incomplete.",
)

# Restatements
RESTATED_TABLE = Sentence("{month}报告发布后变动的数字", "Figures of {month} that changed since they were published")
RESTATED_MORE = Sentence(
    "变动的数字共{n}项，上表列前{most}项，其余在已发布报告的查询中。",
    "{n} figures changed; the first {most} are listed, all at GET /v1/reports.",
)
FIGURE = Sentence("数字", "Figure")
WAS, IS = Sentence("发布时", "As published"), Sentence("现在", "Now")
CAUSES = Sentence("变动来自", "Changed by")
CHANGE_KINDS: Mapping[ChangeKind, Sentence] = {
    ChangeKind.CALENDARS: Sentence("日历", "calendars"),
    ChangeKind.LATE_EVENTS: Sentence("迟报", "late events"),
    ChangeKind.CORRECTIONS: Sentence("更正", "corrections"),
    ChangeKind.RETRACTIONS: Sentence("撤回", "retractions"),
    ChangeKind.ITEM_VERSIONS: Sentence("事项版本", "item versions"),
    ChangeKind.DECLARATIONS: Sentence("申报修订", "revised declarations"),
}
WHOLE_REGION = Sentence("全县", "region")

# Lowering
LOWERING_TABLE = Sentence("拉低承诺办结时限压缩比的事项", "Items that lowered the compression of promised limits")
NOT_LOWERED = Sentence(
    "承诺办结时限压缩比没有下降（期初{was}，期末{now}），没有拉低它的事项。",
    "The compression did not fall ({was} before, now {now}): no item lowered it.",
)
NOT_COMPARED = Sentence(
    "期初或期末没有事项目录，无法比较压缩比。",
    "There was no catalogue at the beginning or at the end, so the compression cannot be compared.",
)
LOWERED = Sentence(
    "承诺办结时限压缩比由{was}（{was_parts}）降至{now}（{now_parts}）。下表按影响由大到小，最多列{most}项；影响为该事项"
    "使全县压缩比降低的百分点。",
    "The compression fell from {was} ({was_parts}) to {now} ({now_parts}). At most {most} items are listed, the worst"
    " first; the effect is the number of points by which the item lowered the region's compression.",
)
ITEM = Sentence("事项", "Item")
DAYS_BEFORE = Sentence("期初：压缩/法定（工作日）", "Before: shortened/statutory days")
DAYS_AFTER = Sentence("期末：压缩/法定（工作日）", "After: shortened/statutory days")
EFFECT = Sentence("影响（百分点）", "Effect, points")

# Notes
DEFINITIONS_TABLE = Sentence("指标口径", "What the indicators mean")
DEFINED_ON = Sentence("事项类指标按{on}有效的事项目录", "indicators of items by the catalogue of {on}")
INDICATOR = Sentence("指标", "Indicator")
NUMERATOR, DENOMINATOR = Sentence("分子", "Numerator"), Sentence("分母", "Denominator")
DECLARED = Sentence(
    "其余指标为县里申报数，系统不计算，按统计期内申报的分子、分母相加：{names}。",
    "The other indicators are not computed: the numerators and denominators declared for the window are added up:"
    " {names}.",
)
SMALL = Sentence(
    "由办件算出的指标，分母小于{least}的不排名、不判断；没有办件时既不是0%，也不是100%。",
    "Figures made of cases are neither ranked nor judged if their denominator is below {least}; without any case there"
    " is no value, neither 0 % nor 100 %.",
)
PATH = Sentence(
    "“应达”为方案进度线在{on}的值；“差距”为完成值与目标值之差，负数表示未达到；“期末预测”按最近{days}天的趋势推算到{end}。",
    "'Required' is the value of the plan's path on {on}; 'gap' is the value minus the goal, negative if it falls short;"
    " the forecast extends the trend of the last {days} days to {end}.",
)
CODE_ENDED = Sentence(
    "区划代码{code}自{day}起终止，由{successor}承继（{document}，{reason}）；此前的数据保留在原代码之下。",
    "The code {code} ended on {day}; {successor} succeeds it ({document}, {reason}). Earlier data stays under it.",
)
CODE_SPLIT = Sentence(
    "自{day}起，区划代码{code}的一部分改用{successor}（{document}，{reason}）；此前的数据保留在原代码之下。",
    "A part of {code} has the code {successor} from {day} on ({document}, {reason}). Earlier data stays there.",
)
PROVISIONAL = Sentence(
    "{years}年的法定节假日安排尚未公布，工作日按推算计，公布后自动重算。",
    "The official holidays of {years} are not published yet: working days are estimated, and computed again then.",
)
RECORDED_PLAN = Sentence("方案：{document}，{name}（{id}）。{note}", "The plan: {document}, {name} ({id}). {note}")
