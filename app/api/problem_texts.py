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
    "unknown_decision": Kind(
        404,
        ("No such decision is on record", "没有此决策的记录"),
        (
            "It was never written, was another instance's, or has been erased with its customer.",
            "该决策从未写入，属于其他实例，或已随客户一并删除。",
        ),
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
    "conflict": Kind(
        409,
        ("The id was used before, for something else", "该编号已用于其他内容"),
        (
            "An id makes a request repeatable; it cannot stand for two.",
            "编号用于重复请求，不能代表两个不同的请求。",
        ),
    ),
    "erased": Kind(
        410,
        ("It belongs to a customer who was erased", "所属客户的数据已删除"),
        ("What was erased does not come back by a replay.", "已删除的数据不会因重放而恢复。"),
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
    "foreign_host": Kind(
        421,
        ("The service does not answer under this name", "服务不以此名称应答"),
        (
            "Use 127.0.0.1 or localhost as Host; the name of a proxy belongs in KITH_ALLOWED_HOSTS.",
            "请以 127.0.0.1 或 localhost 作为 Host；代理的名称请列入 KITH_ALLOWED_HOSTS。",
        ),
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
    "store_unavailable": Kind(
        503,
        ("What the service remembers cannot be reached", "服务的记录暂时无法访问"),
        (
            "Nothing was written, or it is not known whether; the same request can safely be sent again.",
            "未写入，或写入结果未知；可以安全地重发同一请求。",
        ),
    ),
    "store_busy": Kind(
        503,
        ("Too much waits to be written", "等待写入的内容过多"),
        ("Nothing was written; send the same request again shortly.", "未写入；请稍后重发同一请求。"),
    ),
    "store_full": Kind(
        507,
        ("There is no room to write it down", "没有空间可供写入"),
        ("Nothing was written; what was acknowledged before is kept.", "未写入；此前已确认的内容均已保留。"),
    ),
}
"""The one table of problems. The type of a problem is ``urn:kith:problem:<name>``."""

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
