"""Names of simulated items, from subjects that a county's departments handle."""

from __future__ import annotations

from collections.abc import Mapping

_SUBJECTS: Mapping[str, str] = {
    "government-office": "政府信息依申请公开 重大项目会商 公文公开查询",
    "data-bureau": "政务服务好差评 一件事一次办 帮办代办 电子证照",
    "justice": "律师执业 公证员执业 基层法律服务 法律援助 人民调解员 司法鉴定机构",
    "petitions": "信访事项 信访复查 网上信访",
    "public-security": "居民身份证 户口迁移 普通护照 机动车登记 驾驶证 "
    "旅馆业特种行业许可 爆破作业 出入境通行证 保安服务公司 剧毒化学品购买",
    "civil-affairs": "社会团体 民办非企业单位 婚姻登记 收养登记 最低生活保障 "
    "特困人员供养 养老机构 地名命名 殡葬服务 高龄津贴",
    "development-reform": "固定资产投资项目 企业投资项目 节能审查 价格认定 粮食收购",
    "education": "教师资格 民办学校 校外培训机构 校车使用 学籍异动 助学贷款",
    "industry": "无线电台 民用爆炸物品 技术改造项目 中小企业认定",
    "ethnic-affairs": "民族成份 宗教活动场所 清真食品标志 朝鲜语言文字规范",
    "finance": "会计代理记账机构 政府采购投诉 财政票据",
    "human-resources": "社会保险登记 失业保险金 工伤认定 职业技能鉴定 劳务派遣 "
    "人力资源服务 养老保险关系转移 就业创业证 灵活就业补贴 劳动合同备案",
    "natural-resources": "建设用地规划 建设工程规划 采矿权 临时用地 测绘资质 国有土地使用权",
    "ecology": "建设项目环评 排污许可 危险废物经营 辐射安全 入河排污口",
    "housing": "商品房预售 建筑工程施工 房地产开发企业资质 燃气经营 城市供水 公租房 物业服务 建筑业企业资质",
    "transport": "道路旅客运输 道路货物运输 出租汽车 机动车维修 公路超限运输 驾驶员培训 从业资格证",
    "water": "取水许可 水土保持方案 河道采砂 水工程建设",
    "agriculture": "种子生产经营 农药经营 动物防疫条件 动物检疫 拖拉机登记 兽药经营 农作物秸秆补贴 生鲜乳收购",
    "rural-revitalisation": "脱贫人口小额信贷 雨露计划 光伏扶贫收益",
    "forestry": "林木采伐 木材运输 林地占用 野生动物人工繁育 植物检疫 人参种植",
    "commerce": "成品油零售 拍卖企业 对外贸易经营者 再生资源回收 单用途预付卡",
    "culture-tourism": "营业性演出 娱乐场所 互联网上网服务 旅行社 文物保护 出版物零售 广播电视节目",
    "health": "医疗机构执业 护士执业 医师执业 公共场所卫生 放射诊疗 生育登记 职业病诊断",
    "veterans": "退役军人优待证 伤残等级 抚恤补助 自主就业",
    "emergency": "危险化学品经营 烟花爆竹经营 安全生产许可 矿山建设项目",
    "audit": "审计结果公开 社会审计机构核查",
    "market-regulation": "食品经营许可 个体工商户 有限责任公司 特种设备使用 药品零售 "
    "医疗器械经营 计量器具 小餐饮 广告发布 农民专业合作社 动产抵押",
    "statistics": "涉外统计调查 统计从业 统计资料查询",
    "medical-insurance": "基本医疗保险 异地就医 门诊慢病 生育津贴 医疗救助 定点医药机构",
    "urban-management": "户外广告 建筑垃圾处置 临时占道 市政设施移动 城市树木",
    "archives": "档案查阅 档案鉴定 档案寄存",
    "real-estate-registry": "房屋所有权 国有建设用地使用权 抵押权 预告登记 异议登记 林权 宅基地使用权",
    "housing-fund": "住房公积金提取 住房公积金贷款 住房公积金缴存 住房公积金转移",
    "tax": "发票领用 纳税申报 税务登记 契税 车辆购置税 完税证明 出口退税",
    "meteorology": "升放气球 防雷装置 气象资料",
    "tobacco": "烟草专卖零售 烟草准运 烟草批发",
    "fire-rescue": "公众聚集场所消防 消防技术服务 消防验收",
    "disabled-persons": "残疾人证 残疾人两项补贴 辅助器具 残疾人就业",
    "power-supply": "低压用电 高压用电 用电过户 分布式光伏并网",
    "water-supply": "自来水开户 自来水过户 管网接入",
}
_ANY = "事项甲 事项乙 事项丙 事项丁"
_ACTS = (
    "核发", "变更", "延续", "注销", "补办", "备案", "审批", "登记", "年度报告", "查询", "信息更正", "资格认定",
    "首次申请", "材料补正", "遗失公告", "跨省通办", "预审", "复审",
    "结果公示", "证明开具", "撤销", "转入", "转出", "停业", "恢复",
)  # fmt: skip


def item_name(department: str, number: int) -> str:
    """Return the name of a department's n-th item, unique within the department."""
    subjects = _SUBJECTS.get(department, _ANY).split()
    act, subject = divmod(number, len(subjects))
    round_, act = divmod(act, len(_ACTS))
    return f"{subjects[subject]}{_ACTS[act]}" + (f"（{round_ + 1}）" if round_ else "")
