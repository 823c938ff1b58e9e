"""Characters made alike before n-grams are taken: width, case, script, marks and runs.

Rules:

1. Compatibility forms are resolved (NFKC: full width to half width), letters are lower case.
2. Traditional characters that are frequent become simplified, by the table below. It maps one character to
   one: where a traditional character has several simplified ones, the usual one in reviews stands.
3. Control characters, invisible marks and lone surrogates are blanks; blanks are one space, none at the ends.
4. A web address is one mark, a mention of an account another; emoji stay.
5. A character that is repeated more than three times in a row stands three times.
6. Of a text the first 16,000 characters are read, and of what they become the first 16,000 are kept: rule 1
   makes some characters up to 18.

What is made alike is read for n-grams only: offsets into the text as given are not kept.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

ADDRESS: Final = "\ue000"
"""Stands for a web address. It is of a private area: in a text as given it is a blank."""
MENTION: Final = "\ue001"
"""Stands for the mention of an account, e.g. @shop."""

ALIKE_LIMIT: Final = 16_000
"""Characters of a text that are read, and at most kept."""

_BLANKS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe0e\ufe0f\ufeff\ud800-\udfff\ue000-\uf8ff]"
)
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)[!-~]+")
_MENTION: Final = re.compile(r"(?<![a-z0-9])@[a-z0-9_]+")
_RUN: Final = re.compile(r"(.)\1{3,}")

# Traditional and simplified in turn, the characters that are frequent in reviews, messages and cases.
_TRADITIONAL: Final = (
    "們们個个這这來来時时會会說说為为國国過过對对還还沒没後后樣样點点麼么開开關关間间問问題题東东"
    "車车長长門门見见現现實实無无發发動动從从頭头員员業业電电話话機机學学買买賣卖價价錢钱貨货質质"
    "貴贵費费貼贴賬账帳帐購购賠赔賺赚贈赠贊赞讚赞資资負负責责貝贝財财貸贷賓宾賴赖賞赏評评論论誰谁"
    "請请謝谢讓让認认識识記记許许設设計计訂订該该詳详誤误誠诚談谈調调課课語语讀读變变護护證证試试"
    "訊讯詢询訴诉議议譯译謊谎騙骗詐诈諒谅諾诺講讲謂谓誇夸註注誌志訝讶謎谜謹谨給给級级紅红約约純纯"
    "紙纸細细終终組组結结絕绝統统經经綠绿維维網网緊紧線线練练縮缩總总績绩織织繼继續续編编緩缓緣缘"
    "綁绑紋纹納纳紀纪絲丝綿绵繩绳繡绣繞绕縫缝縱纵繳缴緒绪締缔緻致纖纤進进運运達达遠远遲迟選选遺遗"
    "連连週周邊边適适遊游遞递違违遷迁邁迈鄰邻郵邮裡里裏里複复製制補补裝装褲裤襪袜襯衬襲袭衝冲衛卫"
    "術术處处虛虚號号蟲虫蝦虾藥药藝艺蘋苹蘭兰葉叶蓋盖薦荐藍蓝莊庄華华萬万與与舊旧舉举興兴艙舱艱艰"
    "艷艳聲声聽听聯联職职聰聪聞闻聖圣肅肃腦脑臉脸膠胶膚肤腳脚腫肿膩腻臟脏髒脏脫脱脹胀習习義义羅罗"
    "罵骂罷罢罰罚翹翘鐘钟鍾钟鍵键鐵铁銀银銷销錯错鋪铺鋼钢錄录鏈链鏡镜鎖锁針针釘钉鈕钮鈴铃鉤钩鋁铝"
    "鋒锋鍋锅鑰钥鑽钻鑒鉴鑑鉴銳锐銘铭鈔钞鏽锈釋释閃闪閉闭閒闲閑闲閱阅闆板闊阔闖闯陽阳陰阴陳陈陸陆"
    "階阶際际隨随險险隱隐隊队難难雜杂雞鸡離离雙双雖虽雲云霧雾靈灵靜静響响順顺須须預预領领頻频顆颗"
    "額额顏颜願愿類类顯显顧顾頁页項项頂顶頓顿頸颈風风飄飘飛飞飯饭飲饮飽饱餅饼餓饿館馆養养餘余飾饰"
    "饋馈饒饶馬马駐驻駕驾騎骑騰腾驗验驚惊驅驱驟骤驕骄體体髮发鬆松鬧闹鬱郁魚鱼鮮鲜鳥鸟鴨鸭鵝鹅鹹咸"
    "鹽盐麗丽麥麦麵面黃黄齊齐齒齿齡龄龍龙龜龟黨党黴霉嚇吓嘆叹嗎吗嘗尝嚐尝噁恶噴喷單单喪丧喬乔啟启"
    "啓启唄呗啞哑嘰叽囉啰嚕噜嚴严嚮向嘩哗囑嘱圍围圓圆園园圖图團团執执堅坚報报場场塊块塗涂墊垫墜坠"
    "壓压壞坏壯壮壽寿夠够夢梦夾夹奪夺奮奋奧奥獎奖妝妆婦妇媽妈嬰婴孫孙宮宫寢寝寧宁審审寫写寬宽寵宠"
    "寶宝將将專专尋寻導导尷尴屆届層层屬属屢屡島岛崗岗嶄崭嶺岭嵐岚師师帶带幣币幫帮幹干幾几庫库廁厕"
    "廂厢廈厦廚厨廢废廣广廳厅廠厂弔吊張张強强彈弹彎弯彌弥彙汇徑径復复徵征徹彻恆恒惡恶惱恼愛爱態态"
    "慘惨慚惭慣惯慮虑慶庆憂忧憐怜憑凭憤愤憶忆應应懇恳懶懒懷怀懸悬懼惧戀恋戰战戲戏戶户捨舍掃扫掛挂"
    "採采揀拣換换揮挥損损搖摇搶抢撐撑撥拨擁拥擇择擊击擋挡擔担據据擠挤擬拟擴扩擺摆擾扰攜携攝摄攤摊"
    "攪搅攔拦撿捡敗败敘叙敵敌數数斂敛斷断於于昇升暈晕暢畅暫暂曉晓曬晒書书朧胧條条棄弃棗枣棟栋極极"
    "構构榮荣槍枪樂乐樓楼標标樹树橋桥橫横檔档檢检櫃柜欄栏權权歎叹歐欧歡欢歲岁歷历曆历歸归殘残殺杀"
    "殼壳毀毁氣气氫氢決决況况洩泄涼凉淚泪淨净淒凄淺浅減减測测湊凑湯汤準准溝沟溫温滅灭滯滞滲渗滿满"
    "漁渔漢汉漲涨漸渐潑泼潔洁潤润澀涩澤泽濃浓濕湿溼湿濟济濫滥濾滤瀉泻灑洒灘滩灣湾災灾烏乌煙烟煩烦"
    "熱热燈灯燒烧燙烫營营爐炉爛烂爭争爲为爺爷爾尔牆墙牽牵犧牺狀状狹狭猶犹獄狱獨独獲获獻献瑣琐環环"
    "瓊琼產产畝亩畢毕畫画異异當当疊叠瘋疯療疗癢痒癡痴皺皱盃杯盜盗盡尽監监盤盘眾众衆众睏困矯矫碼码"
    "確确磚砖礎础礙碍禮礼禍祸禦御秈籼稅税種种稱称積积穩稳窩窝窮穷竊窃競竞筆笔節节範范築筑簡简簽签"
    "籃篮籌筹糧粮糾纠紛纷絡络絨绒綜综綢绸併并並并佔占佈布偽伪側侧偵侦傑杰傢家傘伞備备傳传債债傷伤"
    "傾倾僅仅僑侨僱雇億亿優优儘尽償偿儲储兇凶兒儿內内兩两冊册凍冻剛刚創创劃划劇剧劉刘劑剂勁劲務务"
    "勝胜勞劳勢势勸劝勻匀區区協协卻却厭厌厲厉參参吳吴呂吕嗚呜嘍喽跡迹踐践蹤踪躍跃軟软較较載载輕轻"
    "輛辆輝辉輩辈輪轮輯辑輸输轉转轎轿轟轰辦办辭辞農农迴回醜丑醫医醬酱釀酿鈍钝鍛锻鎮镇閣阁闡阐韌韧"
    "韓韩驢驴髏髅鯊鲨鰻鳗鷹鹰齣出賤贱賭赌賽赛趕赶趙赵趨趋乾干"
)
_SAME: Final = {ord(old): new for old, new in zip(_TRADITIONAL[::2], _TRADITIONAL[1::2], strict=True)} | {
    ord("\u2018"): "'",
    ord("\u2019"): "'",
    ord("\u201c"): '"',
    ord("\u201d"): '"',
    ord("。"): ".",
    ord("、"): ",",
}


def made_alike(text: str) -> str:
    """Return a text in the form of which n-grams are taken.

    Parameters
    ----------
    text : str
        Any text, also one with lone surrogates.

    Returns
    -------
    str
        Without control characters and surrogates; empty where nothing is left.
    """
    text = text[:ALIKE_LIMIT]
    alike = text if text.isascii() else unicodedata.normalize("NFKC", _BLANKS.sub(" ", text))
    alike = alike.lower()
    alike = _BLANKS.sub(" ", alike) if alike.isascii() else alike.translate(_SAME)
    if "://" in alike or "www." in alike:
        alike = _ADDRESS.sub(f" {ADDRESS} ", alike)
    if "@" in alike:
        alike = _MENTION.sub(f" {MENTION} ", alike)
    return " ".join(_RUN.sub(r"\1\1\1", alike).split())[:ALIKE_LIMIT].rstrip()
