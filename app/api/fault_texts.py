"""What every fault of a field says, in English and Chinese.

Texts hold placeholders for bounds, known names and counts only: nothing that a client sent ever fills one.
"""

from __future__ import annotations

from typing import Final

from app.api.problem_texts import FaultText

FAULTS: Final[dict[str, FaultText]] = {
    "json_syntax": FaultText(
        ("not JSON at line {line}, column {column}", "第 {line} 行第 {column} 列不符合 JSON 语法"),
        (
            "check the syntax, the nesting and the encoding (UTF-8 without BOM)",
            "请检查语法、嵌套层数和编码（UTF-8，无 BOM）",
        ),
    ),
    "repeated_key": FaultText(
        ("an object has the same key twice", "同一对象中有重复的键"),
        ("send every key once", "每个键只应出现一次"),
    ),
    "lone_surrogate": FaultText(
        ("the text holds half a character (a lone surrogate)", "文本含有半个字符（孤立的代理项）"),
        (
            "it was cut in the middle of an emoji or the like; cut between characters",
            "文本在表情等字符中间被截断；请在字符之间截断",
        ),
    ),
    "required": FaultText(
        ("this field is required", "缺少必填字段"),
        ("add the field", "请补上该字段"),
    ),
    "unknown_field": FaultText(
        ("an unknown field stands here", "此处有未知字段"),
        (
            "{count} unknown field(s) here; leave out whatever the contract does not name",
            "此处有 {count} 个未知字段；请去掉契约未列出的字段",
        ),
    ),
    "misspelt_field": FaultText(
        ("an unknown field stands here", "此处有未知字段"),
        ("the nearest known name is {name}", "最接近的已知字段名是 {name}"),
    ),
    "wrong_type": FaultText(
        ("a value of another type is expected", "值的类型不正确"),
        ("send {expected}", "请发送{expected}"),
    ),
    "not_finite": FaultText(
        ("the number is not finite", "数值不是有限数"),
        ("send a finite number, or null where it is unknown", "请发送有限数值，未知时发送 null"),
    ),
    "out_of_range": FaultText(
        ("the value is out of range", "值超出范围"),
        ("it must be {bound}", "应{bound}"),
    ),
    "wrong_length": FaultText(
        ("the text is too short or too long", "文本过短或过长"),
        ("it must have {bound} character(s)", "应有{bound}字符"),
    ),
    "wrong_count": FaultText(
        ("there are too few or too many items", "条目过少或过多"),
        ("there must be {bound} item(s)", "应有{bound}条目"),
    ),
    "not_allowed": FaultText(
        ("the word is not one of the allowed ones", "该值不在允许的取值之内"),
        ("allowed: {expected}", "允许的取值：{expected}"),
    ),
    "wrong_format": FaultText(
        ("the text does not have the form that this field needs", "文本不符合该字段的格式"),
        ("it must match {pattern}", "应匹配 {pattern}"),
    ),
    "not_a_timestamp": FaultText(
        ("not an ISO 8601 date and time", "不是 ISO 8601 日期时间"),
        ("send one like 2026-11-01T09:30:00+08:00", "格式示例：2026-11-01T09:30:00+08:00"),
    ),
    "no_offset": FaultText(
        ("the timestamp has no offset", "时间戳缺少时区偏移"),
        ("add the offset, e.g. +08:00 or Z", "请加上偏移量，例如 +08:00 或 Z"),
    ),
    "too_many_faults": FaultText(
        ("{count} faults were found, too many to list", "共发现 {count} 处问题，不再逐一列出"),
        ("check that the body has the form of this endpoint", "请检查请求体是否符合该接口的结构"),
    ),
    "invalid": FaultText(("the value cannot be used", "该值无法使用")),
    "orders_and_summary": FaultText(
        ("orders and summary stand together", "orders 与 summary 不能同时出现"),
        ("send one of the two; orders tell more", "请二选一；orders 的信息更多"),
    ),
    "summary_without_orders_at": FaultText(
        (
            "a summary with orders needs the time of the first and the latest",
            "有订单的 summary 需要首单与末单时间",
        ),
        ("add first_order_at and last_order_at", "请补上 first_order_at 和 last_order_at"),
    ),
    "summary_order": FaultText(
        ("the first order is later than the latest", "首单时间晚于末单时间"),
        ("check first_order_at and last_order_at", "请检查 first_order_at 和 last_order_at"),
    ),
    "summary_after_as_of": FaultText(
        ("the summary holds orders later than as_of", "summary 包含 as_of 之后的订单"),
        (
            "send the summary as it stood at as_of, or orders, which are cut",
            "请发送 as_of 当时的 summary，或改用会自动截断的 orders",
        ),
    ),
    "wrong_order_id": FaultText(
        ("the line names another order than the one it stands in", "订单行的订单号与所在订单不一致"),
        ("leave order_id out of the line", "请在订单行中去掉 order_id"),
    ),
    "wrong_currency": FaultText(
        ("the amount is not in the currency of the business", "金额不是该业务的货币"),
        ("convert it to {currency} before sending", "请先换算为 {currency}"),
    ),
    "unknown_attribute": FaultText(
        ("an attribute that the models do not declare stands here", "此处有模型未声明的属性"),
        ("declared attributes: {expected}", "已声明的属性：{expected}"),
    ),
    "misspelt_attribute": FaultText(
        ("an attribute that the models do not declare stands here", "此处有模型未声明的属性"),
        ("the nearest declared name is {name}", "最接近的已声明属性名是 {name}"),
    ),
    "wrong_attribute_type": FaultText(
        ("the attribute is declared with another kind of value", "属性值与声明的类型不符"),
        ("send {expected}", "请发送{expected}"),
    ),
    "price_range": FaultText(
        ("the lowest price is above the highest", "最低价高于最高价"),
        ("check price_min and price_max", "请检查 price_min 和 price_max"),
    ),
    "category_wanted_and_excluded": FaultText(
        ("a category is both wanted and excluded", "同一品类既被选中又被排除"),
        (
            "take it out of categories or of exclude_categories",
            "请从 categories 或 exclude_categories 中去掉一处",
        ),
    ),
    "days_without_hide": FaultText(
        ("a number of days stands without already_bought: hide", "天数未与 already_bought: hide 一起使用"),
        ("add already_bought: hide, or leave the days out", "请加上 already_bought: hide，或去掉天数"),
    ),
    "repurchase_hidden": FaultText(
        (
            "only repurchases are wanted, and whatever was bought is hidden",
            "只要求回购类型，却又隐藏所有已购商品",
        ),
        (
            "allow what was bought, add already_bought_days, or ask for other types",
            "请允许已购商品、加上 already_bought_days，或改选其他类型",
        ),
    ),
    "too_large": FaultText(
        ("the body has more than {limit} bytes", "请求体超过 {limit} 字节"),
        ("send fewer old rows, texts or customers at once", "请减少较早的明细、文字或一次发送的客户数"),
    ),
    "too_many_objects": FaultText(
        ("the body has more than {limit} rows and objects", "请求体的行与对象超过 {limit} 个"),
        ("send fewer old rows, or fewer customers at once", "请减少较早的明细或一次发送的客户数"),
    ),
    "content_type": FaultText(
        (
            "the header Content-Type is not application/json in UTF-8",
            "Content-Type 头字段不是 UTF-8 的 application/json",
        ),
        ("send Content-Type: application/json", "请发送 Content-Type: application/json"),
    ),
    "content_encoding": FaultText(
        ("the header Content-Encoding is set", "设置了 Content-Encoding 头字段"),
        ("send the body uncompressed", "请发送未压缩的请求体"),
    ),
    "content_length": FaultText(
        ("the header Content-Length is not a number", "Content-Length 头字段不是数字"),
        ("send the length in bytes", "请发送字节数"),
    ),
    "no_release": FaultText(
        ("no release answers", "没有可作答的发布"),
        (
            "publish one: python -m training train --business FILE --models DIR, then see /readyz?verbose",
            "请先发布：python -m training train --business FILE --models DIR，然后查看 /readyz?verbose",
        ),
    ),
    "no_model": FaultText(
        ("this capability has no published model", "该能力没有已发布的模型"),
        ("published capabilities: {expected}", "已发布的能力：{expected}"),
    ),
    "empty_candidates": FaultText(
        ("the list of candidates is empty", "候选行动列表为空"),
        (
            "leave candidates out to choose from the whole playbook",
            "如需从全部行动中选择，请去掉 candidates 字段",
        ),
    ),
    "unknown_action": FaultText(
        ("no action of the playbook has this id", "行动手册中没有此编号的行动"),
        ("known actions: {expected}", "已知的行动：{expected}"),
    ),
    "as_of_in_future": FaultText(
        ("the moment lies in the future", "该时刻在未来"),
        (
            "leave as_of out to decide now; only a dry_run may look ahead",
            "如需现在决策，请去掉 as_of；只有 dry_run 可以使用未来时刻",
        ),
    ),
    "as_of_in_past": FaultText(
        ("the moment lies more than 15 minutes ago", "该时刻早于 15 分钟之前"),
        (
            "leave as_of out to decide now; only a dry_run may look back",
            "如需现在决策，请去掉 as_of；只有 dry_run 可以使用过去时刻",
        ),
    ),
    "in_future": FaultText(
        ("the time lies in the future", "该时间在未来"),
        ("report what has happened, with the time of the event", "请只上报已发生的事件及其时间"),
    ),
    "unknown_timezone": FaultText(
        ("no time zone has this name", "没有此名称的时区"),
        (
            "send an IANA name such as Asia/Shanghai or Europe/London",
            "请发送 IANA 时区名，例如 Asia/Shanghai",
        ),
    ),
    "caller_choice_needed": FaultText(
        ("apprentice writes down your own choice, and none is given", "apprentice 模式需要您自己的选择"),
        ("add caller_choice with the action_id, or none", "请补上 caller_choice 及 action_id，可为 none"),
    ),
    "caller_choice_unused": FaultText(
        ("your own choice would not be heeded in this mode", "此模式不使用您自己的选择"),
        (
            "leave caller_choice out, or set mode to apprentice or shadow",
            "请去掉 caller_choice，或将 mode 设为 apprentice 或 shadow",
        ),
    ),
    "mixed_modes": FaultText(
        ("the requests of a batch ask for different modes", "同一批请求的 mode 不一致"),
        ("send one batch for each mode", "请按 mode 分批发送"),
    ),
    "repeated_request_id": FaultText(
        ("an earlier request of this batch has the same request_id", "本批中已有相同的 request_id"),
        ("give every request an id of its own", "请为每个请求使用各自的 request_id"),
    ),
    "outcome_of_what": FaultText(
        ("it is not clear what the outcome came of", "无法确定结果属于哪项决策或客户"),
        (
            "send decision_id alone, or customer_id with or without action_id",
            "请只发送 decision_id，或发送 customer_id（可附 action_id）",
        ),
    ),
    "verdict_on_what": FaultText(
        ("it is not clear what the verdict is about", "无法确定反馈针对哪项回答"),
        (
            "send exactly one of decision_id, score_id and recommendation_id",
            "请在 decision_id、score_id、recommendation_id 中只发送一个",
        ),
    ),
    "id_taken": FaultText(
        ("this id was used before, with another body", "此编号已用于不同的请求体"),
        (
            "send the body that was sent first, or give a new id",
            "请发送首次使用该编号时的请求体，或换用新的编号",
        ),
    ),
    "unknown_decision": FaultText(
        ("no decision of this id is on record", "没有此编号的决策记录"),
        (
            "send customer_id, and action_id where there was one, in its place",
            "请改为发送 customer_id，如有对应行动请附上 action_id",
        ),
    ),
    "no_customer_id": FaultText(
        ("the address does not end with the id of a customer", "地址末尾不是客户编号"),
        (
            "percent-encode the id: 1 to 128 characters, none of them NUL",
            "请对客户编号做百分号编码：1 至 128 个字符，不含 NUL",
        ),
    ),
    "store_full": FaultText(
        ("the database of the service has no room left", "服务的数据库已无剩余空间"),
        (
            "make room where KITH_STORE points to; nothing needs a restart",
            "请在 KITH_STORE 所在位置释放空间，无需重启",
        ),
    ),
}
"""The codes of ``errors[]``."""
