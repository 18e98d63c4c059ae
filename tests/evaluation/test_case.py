"""What is known before the cut, and the ranks of what comes after it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from penchant.core.errors import ConfigError
from penchant.core.ids import ItemId
from penchant.core.items import Item
from penchant.engine.learned import Learned, save_learned
from penchant.evaluation.case import Case, rank_later, rows_wanted
from penchant.evaluation.successive import refuse_unknown, run_successive


def test_ranks_are_those_of_the_state_variant_of_successive(case: Case, learned: Learned) -> None:
    alone = rank_later(case, learned)
    whole = run_successive(
        learned, case.columns, case.cut, case.signals, case.config, case.training, 0
    )
    for name, ranks in zip(alone.names, alone.ranks, strict=True):
        assert ranks.tolist() == whole.ranks[name, "state"].tolist(), name
    assert case.columns.user[alone.at].tolist() == whole.users.tolist()


def test_what_happens_after_a_target_cannot_change_its_rank(case: Case, learned: Learned) -> None:
    middle = int(np.flatnonzero(case.columns.time_s >= case.cut)[40])
    other = case.columns.row.copy()
    other[middle:] = (other[middle:] + 7) % len(case.columns.items)
    changed = replace(case, columns=replace(case.columns, row=other))
    as_was, as_is = rank_later(case, learned), rank_later(changed, learned)
    assert as_was.ranks[:, :40].tolist() == as_is.ranks[:, :40].tolist()
    assert as_was.ranks[:, 40:].tolist() != as_is.ranks[:, 40:].tolist()


def test_who_comes_first_in_an_instant_changes_no_rank(case: Case, learned: Learned) -> None:
    half_day_s = 43_200.0
    coarse = replace(case.columns, time_s=case.columns.time_s // half_day_s * half_day_s)
    found = []
    for first in (coarse.user, -coarse.user):
        order = np.lexsort((np.arange(len(coarse)), first, coarse.time_s))
        one = rank_later(replace(case, columns=coarse.take(order)), learned)
        by_user = np.argsort(coarse.user[order][one.at], kind="stable")
        found.append((order[one.at][by_user].tolist(), one.ranks[:, by_user].tolist()))
    assert np.mean(np.diff(coarse.time_s) == 0) > 0.5  # there is something to change
    assert found[0] == found[1]


def test_an_item_known_before_its_first_event_is_as_fresh_then_as_when_served(case: Case) -> None:
    columns = case.columns
    late = int(np.flatnonzero(columns.time_s >= case.cut)[30])
    row, new = columns.row.copy(), len(columns.items)
    row[late] = new
    items = [*columns.items, ItemId("new")]
    of_events = replace(columns, row=row, items=items)
    put_s = np.full(len(items), np.inf)
    put_s[new] = columns.time_s[late] - 86_400.0
    told = replace(of_events, put_s=put_s)
    found = []
    for log in (of_events, told):
        one = replace(case, columns=log, items=[*case.items, Item(ItemId("new"))])
        ranked = rank_later(one, one.learn(0))
        found.append(ranked.ranks[ranked.names.index("fresh"), ranked.at == late].item())
    assert found == [new, 0.0]  # the last of all, nobody knowing of it; the newest


def test_an_item_is_not_the_newest_at_the_moment_of_its_first_event(case: Case) -> None:
    columns = case.columns
    late = int(np.flatnonzero(columns.time_s >= case.cut)[30])
    row, new = columns.row.copy(), len(columns.items)
    row[late] = new
    items = [*columns.items, ItemId("new")]
    never = np.full(len(items), np.inf)  # as the catalogue has items that only events named
    log = replace(columns, row=row, items=items, put_s=never)
    one = replace(case, columns=log, items=[*case.items, Item(ItemId("new"))])
    ranked = rank_later(one, one.learn(0))
    assert ranked.ranks[ranked.names.index("fresh"), ranked.at == late].item() == new  # last


def test_strangers_are_asked_when_wanted_and_events_before_are_counted(
    case: Case, learned: Learned
) -> None:
    columns = case.columns
    late = columns.time_s >= case.cut
    kept = late | (columns.user > 0)  # u0 comes after the cut
    new = replace(case, columns=columns.take(kept))
    object.__setattr__(new, "cut", case.cut)
    known, all_ = rank_later(new, learned), rank_later(new, learned, strangers=True)
    assert len(all_.at) == len(known.at) + 1
    own = all_.past[new.columns.user[all_.at] == 0]
    assert own.tolist() == list(range(len(own)))
    assert known.past.min() >= 1


def test_a_row_that_this_training_cannot_give_is_refused() -> None:
    assert rows_wanted(frozenset({"ease"}), ("ease", "engine")) == ["ease"]
    with pytest.raises(ConfigError, match=r"no row is named 'sasrec'.*transition"):
        refuse_unknown(frozenset({"sasrec"}), "recurrent")
    with pytest.raises(ConfigError, match=r"'gru' where training.model = 'recurrent'"):
        refuse_unknown(frozenset({"gru", "ease"}), "recurrent")
    with pytest.raises(ConfigError, match="'slate'"):
        refuse_unknown(frozenset({"slate"}), "gru")
    refuse_unknown(frozenset({"slate", "gru", "engine"}), "gru", "slate")


def test_training_begins_from_nothing_that_has_seen_what_is_to_be_predicted(
    case: Case, learned: Learned, tmp_path: Path
) -> None:
    def begun(newest_s: float) -> Case:
        folder = tmp_path / str(newest_s)
        folder.mkdir()
        save_learned(replace(learned, card={**learned.card, "newest_s": newest_s}), folder)
        return replace(case, training=case.training.model_copy(update={"begin": folder}))

    with pytest.raises(ConfigError, match="are to be predicted; allowed is an artifact of before"):
        begun(case.cut).learn(0)
    assert begun(case.cut - 1).learn(0).card["losses"] != learned.card["losses"]
