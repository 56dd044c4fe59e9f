"""How well words and meaning together keep sensitive tickets back, on sentences that no example was made from."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from guidance.eligibility import TopicJudge, examples
from guidance.screening import NoJudge
from knowledge_base.index.embedder import Embedder, ModelDamaged, load_embedder, prepare_model
from marketplace.tickets.eligibility import KeepBackRules, Outcome, Verdict, judge_by_rules
from marketplace.tickets.sensitive_words import ALWAYS_KEPT, NAMES, Topic
from tests.fakes import WordHashEmbedder
from workers_ui.content import as_posted, demo_brands

LABELLED = Path(__file__).with_name("eligibility_labelled.jsonl")
ORDINARY = "ordinary"
LEAST_RECALL = 0.95
MOST_FALSE = 0.03
LEAST_RECALL_IN_LONG_TICKETS = 0.65
MOST_FALSE_IN_LONG_TICKETS = 0.05
MOST_SECONDS_A_TICKET = 0.1  # about 15 ms of one free core; other tests run beside this one

RULES = KeepBackRules()


@pytest.fixture(scope="module")
def judge(model_dir: Path) -> TopicJudge:
    return TopicJudge(lambda: load_embedder(prepare_model(model_dir)))


def labelled() -> Iterator[tuple[str, str]]:
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        yield told["label"], told["text"]


SENSITIVE_TEXTS = [text for label, text in labelled() if label != ORDINARY]
ORDINARY_TEXTS = [text for label, text in labelled() if label == ORDINARY]


def verdict(judge: TopicJudge, text: str, rules: KeepBackRules = RULES) -> Verdict:
    by_rule = judge_by_rules(text, category="general", category_name="General", rules=rules)
    return by_rule if by_rule.stays else judge.judge(text, language="en", rules=rules)


def share_kept(judge: TopicJudge, texts: list[str]) -> float:
    return sum(verdict(judge, text).stays for text in texts) / len(texts)


def test_the_labelled_sentences_are_none_of_the_examples() -> None:
    known = {one.text.casefold() for one in examples()}
    assert [text for _, text in labelled() if text.casefold() in known] == []
    assert len(SENSITIVE_TEXTS) + len(ORDINARY_TEXTS) >= 120
    assert {label for label, _ in labelled()} == {ORDINARY, *Topic}


def test_nearly_every_sensitive_ticket_stays_and_hardly_an_ordinary_one(judge: TopicJudge) -> None:
    assert share_kept(judge, SENSITIVE_TEXTS) >= LEAST_RECALL
    assert share_kept(judge, ORDINARY_TEXTS) <= MOST_FALSE


def test_one_sensitive_sentence_among_ordinary_ones_is_mostly_found(judge: TopicJudge) -> None:
    chance = random.Random(11)
    hidden = []
    for text in SENSITIVE_TEXTS:
        first, second, last = chance.sample(ORDINARY_TEXTS, 3)
        hidden.append(f"{first} {second}\n{text} {last}")
    plain = [" ".join(chance.sample(ORDINARY_TEXTS, 4)) for _ in ORDINARY_TEXTS]
    assert share_kept(judge, hidden) >= LEAST_RECALL_IN_LONG_TICKETS
    assert share_kept(judge, plain) <= MOST_FALSE_IN_LONG_TICKETS


def test_no_ticket_of_the_demo_is_kept_back_and_screening_is_cheap(judge: TopicJudge) -> None:
    texts = []
    for brand in demo_brands():
        for line in (*brand.tickets, *brand.follow_ups):
            posted = as_posted({"id": line.get("ticket", ""), **line})
            texts.append(f"{posted['subject']}\n{posted['text']}\n{posted['context']}")
    verdict(judge, texts[0])
    started = time.process_time()
    kept = [(text[:60], one.reason) for text in texts if (one := verdict(judge, text)).stays]
    assert kept == []
    assert (time.process_time() - started) / len(texts) < MOST_SECONDS_A_TICKET


def test_the_verdict_names_the_topic_and_the_example_it_reads_like(judge: TopicJudge) -> None:
    told = judge.judge("My whole face swelled up after I used it.", language="en", rules=RULES)
    assert told.stays
    assert told.reason.startswith(f"{NAMES[Topic.MEDICAL]}: it reads like “")


def test_a_topic_that_is_switched_off_pulls_no_more_but_what_always_stays_does(judge: TopicJudge) -> None:
    nothing = KeepBackRules(topics=frozenset())
    press = "Would your managing director talk to us for a television report?"
    assert judge.judge(press, language="en", rules=RULES).stays
    assert not judge.judge(press, language="en", rules=nothing).stays
    assert judge.judge("I do not want to live any longer.", language="en", rules=nothing).stays
    assert nothing.watched == ALWAYS_KEPT


def test_a_brands_own_example_keeps_what_reads_like_it() -> None:
    judge = TopicJudge(WordHashEmbedder)
    rules = KeepBackRules(examples=("The lid of the blue kettle came loose.",))
    same = judge.judge("the lid of the blue kettle came loose", language="en", rules=rules)
    assert same.outcome is Outcome.KEPT_BACK
    assert same.reason == "it reads like your own example “The lid of the blue kettle came loose”"


def test_other_languages_are_judged_by_word_alone(judge: TopicJudge) -> None:
    assert not judge.judge("I do not want to live any longer.", language="de-AT", rules=RULES).stays
    assert not NoJudge().judge("I do not want to live any longer.", language="en", rules=RULES).stays


def test_a_damaged_model_leaves_tickets_to_the_rules_by_word() -> None:
    def load() -> Embedder:
        raise ModelDamaged

    told = TopicJudge(load).judge("I do not want to live any longer.", language="en", rules=RULES)
    assert not told.stays
