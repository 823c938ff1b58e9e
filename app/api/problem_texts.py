"""What every problem and every fault of a field says, in English and Chinese.

Texts hold placeholders for bounds, known names and counts only: nothing that a client sent ever fills one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Locale = Literal["en", "zh-CN"]
Words = tuple[str, str]
"""The same sentence in English and in Chinese."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its status, its title, what it means, and the usual remedy."""

    status: int
    title: Words
    detail: Words


@dataclass(frozen=True, slots=True)
class FaultText:
    """One kind of fault of one field: what is wrong, and how to mend it."""

    detail: Words
    hint: Words = ("", "")


def choose(words: Words, locale: Locale) -> str:
    """Return the sentence in one language."""
    return words[1] if locale == "zh-CN" else words[0]


KINDS: Final[dict[str, Kind]] = {
    "invalid_json": Kind(
        400,
        ("The body is not JSON", "请求体不是 JSON"),
        ("The body could not be read as UTF-8 JSON.", "请求体无法按 UTF-8 JSON 读取。"),
    ),
    "invalid_http": Kind(
        400,
        ("The request cannot be read", "请求无法读取"),
        ("A header of the request is malformed.", "请求的某个头字段格式有误。"),
    ),
    "not_found": Kind(
        404,
        ("Nothing is here", "此处没有内容"),
        ("No resource has this address.", "没有资源使用此地址。"),
    ),
    "no_model": Kind(
        404,
        ("No model is published for this capability", "该能力尚未发布模型"),
        ("The active release holds no model of this name.", "当前发布版本中没有此名称的模型。"),
    ),
    "method_not_allowed": Kind(
        405,
        ("This method is not allowed here", "此处不允许该方法"),
        ("The header Allow names the methods that are.", "允许的方法见 Allow 头字段。"),
    ),
    "body_timeout": Kind(
        408,
        ("The body did not arrive in time", "请求体未按时到达"),
        ("The body was not complete within the time allowed.", "请求体未在规定时间内传输完毕。"),
    ),
    "too_large": Kind(
        413,
        ("The body is too large", "请求体过大"),
        ("The body exceeds the limit of this address.", "请求体超过此地址的上限。"),
    ),
    "unsupported_media_type": Kind(
        415,
        ("The body has the wrong media type", "请求体媒体类型不正确"),
        ("Send UTF-8 JSON, uncompressed.", "请发送未压缩的 UTF-8 JSON。"),
    ),
    "invalid_request": Kind(
        422,
        ("The request cannot be answered as it stands", "请求内容有误，无法作答"),
        ("Every fault is listed under errors.", "所有问题列于 errors。"),
    ),
    "internal_error": Kind(
        500,
        ("The service failed", "服务出错"),
        ("The log holds the cause under the request id.", "原因已按请求编号记入日志。"),
    ),
    "not_finite": Kind(
        500,
        ("The model gave no finite number", "模型未给出有限数值"),
        ("The answer was withheld. Publish a sound model.", "答案已被拦下。请发布可靠的模型。"),
    ),
    "model_failed": Kind(
        500,
        ("The model could not answer", "模型无法作答"),
        ("The log holds the cause under the request id.", "原因已按请求编号记入日志。"),
    ),
    "no_release": Kind(
        503,
        ("No release of models is active", "没有生效的模型发布"),
        ("The service has no verified models to answer with.", "服务尚无经过校验的模型可用。"),
    ),
    "overloaded": Kind(
        503,
        ("The service is busy", "服务繁忙"),
        ("Too many requests are in progress; try again shortly.", "正在处理的请求过多，请稍后重试。"),
    ),
    "draining": Kind(
        503,
        ("The service is stopping", "服务正在停止"),
        ("This instance takes no new work; ask another one.", "该实例不再接收新请求，请改用其他实例。"),
    ),
}
"""The one table of problems. The type of a problem is ``urn:kith:problem:<name>``."""

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
}
"""The codes of ``errors[]``."""

TYPES: Final[dict[str, Words]] = {
    "string": ("a string", "字符串"),
    "number": ("a number", "数字"),
    "integer": ("a whole number", "整数"),
    "boolean": ("true or false", " true 或 false"),
    "array": ("an array", "数组"),
    "object": ("an object", "对象"),
    "scalar": ("a string, a number, true, false or null", "字符串、数字、true、false 或 null"),
}

BOUNDS: Final[dict[str, Words]] = {
    "ge": ("at least {value}", "不小于 {value}"),
    "gt": ("greater than {value}", "大于 {value}"),
    "le": ("at most {value}", "不大于 {value}"),
    "lt": ("less than {value}", "小于 {value}"),
    "min_length": ("at least {value}", "至少 {value} 个"),
    "max_length": ("at most {value}", "至多 {value} 个"),
}
