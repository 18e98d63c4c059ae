"""What the demo says, in English and in Chinese."""

import re
from collections.abc import Mapping
from typing import Final, Literal

Language = Literal["en", "zh"]

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "title": "An engine that knows each event before the next slate",
        "learning": "Learning from {events:,} ratings that {users:,} people gave to films before "
        "{day}. Then the later ratings come in, one by one.",
        "choose": "trial: how many passes",
        "item-item": "items that go together",
        "ease": "EASE",
        "blend": "how far to trust each source",
        "train": "final model",
        "learn": "training",
        "teacher": "teacher",
        "teacher-final": "final teacher",
        "last": "each user's last event:",
        "splices": "users who become others",
        "settings": "settings",
        "replay": "later events, one by one",
        "pass": "pass {epoch} of {epochs}  loss {loss:.2f}  {ndcg}{rate:,.0f} events/s  "
        "{left:.0f} s left",
        "ndcg": "NDCG@10 {ndcg:.3f}  ",
        "hardware": "training on {hardware}",
        "percent": "{share:.0%}",
        "learned": "Learned in {seconds:.0f} s.",
        "newcomer": "User {user} has never been seen before. This is what they rated from {day} "
        "on; everybody else's ratings come in between.",
        "stranger": "Before the first event: a stranger sees what everybody watches now",
        "event": "{title}, rated {value:g} of 10",
        "took": "from the event to a slate that knows it: {ms:.1f} ms, the event safe on disk",
        "interests": "Interests",
        "slate": "Slate",
        "film": "film",
        "source": "source",
        "new": "new",
        "why": "Why (each reason was checked by taking the event away):",
        "reason": "{place}. {title}: because of {names}; without it {rank} → {without}",
        "reasons": "{place}. {title}: because of {names}; without them {rank} → {without}",
        "between": " and ",
        "gone": "gone",
        "dismiss": "Not interested in {title}",
        "dismissed": "It has left the slate; {moved} other places changed.",
        "undo": "Taken back",
        "same": "The slate is as it was before, place by place.",
        "differs": "{moved} places differ from before.",
        "next": "What to try next",
        "kept": "The database stays in {folder}:",
        "page": "The live page: {url}  (Ctrl-C stops)",
        "own": "With your own events (any column names):",
        "python": "From Python:",
        "checked": "Fed {events} events of {users} new users; {changed} of the slates changed "
        "with the event.",
        "measure": "measure",
        "figure": "figure",
        "judged": "NDCG@10 over every later rating, each predicted just before it happened",
        "row": "row",
    },
    "zh": {
        "title": "每一个事件，下一份推荐都知道",
        "learning": "先从 {day} 之前的 {events:,} 条评分（{users:,} 人）中学习，"
        "之后的评分再一条一条到来。",
        "choose": "试训：该训练几轮",
        "item-item": "常常一起出现的物品",
        "ease": "EASE",
        "blend": "每个来源该信几分",
        "replay": "逐条重放后来的事件",
        "train": "正式训练",
        "learn": "训练",
        "teacher": "教师模型",
        "teacher-final": "正式训练教师模型",
        "last": "每位用户的最后一个事件：",
        "splices": "换成另一位用户之后",
        "settings": "第几组设置：",
        "pass": "第 {epoch}/{epochs} 轮  损失 {loss:.2f}  {ndcg}每秒 {rate:,.0f} 个事件  "
        "还需 {left:.0f} 秒",
        "ndcg": "NDCG@10 {ndcg:.3f}  ",
        "hardware": "训练所用硬件：{hardware}",
        "percent": "{share:.0%}",
        "learned": "学习完毕，用时 {seconds:.0f} 秒。",
        "newcomer": "用户 {user} 是第一次出现。下面依次是其 {day} 起给出的评分，"
        "期间其他人的评分也照常到来。",
        "stranger": "第一个事件之前：对陌生人，只能推荐大家正在看的",
        "event": "《{title}》，打了 {value:g} 分（满分 10 分）",
        "took": "从事件到来到新列表给出：{ms:.1f} 毫秒，事件已经落盘",
        "interests": "兴趣",
        "slate": "推荐",
        "film": "影片",
        "source": "来源",
        "new": "新",
        "why": "为什么推荐（每条理由都拿掉事件验证过）：",
        "reason": "{place}. 《{title}》：因为{names}；没有它，名次 {rank} → {without}",
        "reasons": "{place}. 《{title}》：因为{names}；没有它们，名次 {rank} → {without}",
        "between": "和",
        "gone": "出局",
        "dismiss": "对《{title}》不感兴趣",
        "dismissed": "它已从列表中消失，另有 {moved} 个位置随之变化。",
        "undo": "撤回刚才的操作",
        "same": "列表恢复原样，一个位置都不差。",
        "differs": "有 {moved} 个位置与之前不同。",
        "next": "接下来可以试试",
        "kept": "数据库保留在 {folder}：",
        "page": "实时页面：{url}  （按 Ctrl-C 停止）",
        "own": "换成你自己的事件（列名随意）：",
        "python": "在 Python 里：",
        "checked": "送入 {users} 位新用户的 {events} 个事件，其中 {changed} 次推荐随事件而变。",
        "measure": "指标",
        "figure": "数值",
        "judged": "对之后的每一条评分，都在它发生前的一刻预测：NDCG@10",
        "row": "方法",
    },
}
"""By language: every key is in both, with the same places to fill."""

SOURCES: Final[Mapping[str, str]] = {
    "popular": "本周热门",
    "trending_1d": "今日热门",
    "trending_30d": "本月热门",
    "habit": "老习惯",
    "habit_recent": "近期习惯",
    "fresh": "新上架",
    "co_visit": "一起看过",
    "transition": "看完接着看",
    "item_item": "相似影片",
    "ease": "EASE",
    "ease_recent": "EASE 近期",
    "topic_average": "主题兴趣",
    "recurrent": "兴趣模型",
    "lru": "兴趣模型 LRU",
    "gru": "兴趣模型 GRU",
    "lstm": "兴趣模型 LSTM",
    "cnn": "兴趣模型 CNN",
    "bilstm": "兴趣模型 BiLSTM",
    "mlp": "行为特征 MLP",
    "logistic": "行为特征逻辑回归",
    "transformer": "兴趣模型 Transformer",
    "engine": "融合排序",
    "slate": "最终列表",
}
"""Sources and rows in Chinese."""

GENRES: Final[Mapping[str, str]] = {
    "Action": "动作",
    "Adult": "成人",
    "Adventure": "冒险",
    "Animation": "动画",
    "Biography": "传记",
    "Comedy": "喜剧",
    "Crime": "犯罪",
    "Documentary": "纪录",
    "Drama": "剧情",
    "Family": "家庭",
    "Fantasy": "奇幻",
    "Film-Noir": "黑色电影",
    "Game-Show": "竞赛节目",
    "History": "历史",
    "Horror": "恐怖",
    "Music": "音乐",
    "Musical": "歌舞",
    "Mystery": "悬疑",
    "News": "新闻",
    "Reality-TV": "真人秀",
    "Romance": "爱情",
    "Sci-Fi": "科幻",
    "Short": "短片",
    "Sport": "运动",
    "Talk-Show": "访谈",
    "Thriller": "惊悚",
    "War": "战争",
    "Western": "西部",
}
"""Genres of the bundled films in Chinese."""

_GENRE: Final = re.compile("|".join(sorted(map(re.escape, GENRES), key=len, reverse=True)))


class Words:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._words = WORDS[language]

    def __call__(self, key: str, **values: object) -> str:
        """The phrase of `key`, filled in.

        >>> Words("zh")("event", title="Heat (1995)", value=9.0)
        '《Heat (1995)》，打了 9 分（满分 10 分）'
        """
        return self._words[key].format(**values)

    def source(self, name: str) -> str:
        """A source or row by the name a reader knows."""
        return SOURCES.get(name, name) if self.language == "zh" else name

    def label(self, name: str) -> str:
        """A topic's name: its genres are translated, title words are not.

        >>> Words("zh").label("Sci-Fi / Horror: vampire")
        '科幻 / 恐怖: vampire'
        """
        if self.language == "en":
            return name
        genres, colon, word = name.partition(":")
        return _GENRE.sub(lambda found: GENRES[found[0]], genres) + colon + word

    def titles(self, names: list[str]) -> str:
        """Titles in a row: A and B."""
        marked = [f"《{name}》" for name in names] if self.language == "zh" else names
        return self("between").join(marked)
