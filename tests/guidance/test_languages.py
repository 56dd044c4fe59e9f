"""The language of a text is known by its function words, and not guessed of a short one."""

import pytest

from guidance.languages import mismatch
from knowledge_base.languages import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello, my parcel has not arrived and I would like to know where it is.", "en"),
        ("Hallo, mein Paket ist noch nicht da, und ich möchte wissen, wo es bleibt.", "de"),
        ("Bonjour, je voudrais savoir quand ma commande arrive, elle n'est pas dans la boîte.", "fr"),
        ("Hola, no he recibido el paquete y quisiera saber cuándo llega a mi casa.", "es"),
        ("Buongiorno, non ho ricevuto il pacco e vorrei sapere quando arriva, come posso fare?", "it"),
        ("Hallo, ik heb het pakket nog niet ontvangen, wanneer komt het en hoe kan ik het volgen?", "nl"),
        ("Olá, não recebi a encomenda e gostaria de saber quando é que ela chega, você pode ver?", "pt"),
        ("Dzień dobry, paczka nie przyszła i nie wiem, gdzie jest. Proszę, czy można to sprawdzić?", "pl"),
        ("Hej, jag har inte fått min beställning och undrar när det kommer och hur jag kan följa den.", "sv"),
        ("As a rule of thumb, 10 coffee drinkers use about 4 kg a month.", None),
        ("Do you do dry cleaning? No, the hotel doesn't offer a dry cleaning service.", "en"),
        ("Paying in card resulted in a fee", None),
        ("Kettle?", None),
        ("TL-20417 TL-20418", None),
        ("", None),
        ("Где мой заказ, он ещё не пришёл?", None),
    ],
)
def test_a_sentence_tells_its_language(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_another_language_is_told_and_one_that_is_not_known_is_not() -> None:
    assert mismatch("de", "en") == "The customer writes in German; this answer is in English."
    assert mismatch("de", "da") == "The customer writes in German; this answer is in another language."
    assert mismatch("de", "de") == ""
    assert mismatch(None, "en") == ""
    assert mismatch("de", None) == ""
