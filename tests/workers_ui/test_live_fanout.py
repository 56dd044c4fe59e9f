"""The fan-out alone: what is joined, kept, given up, and told again to those who come back."""

import asyncio
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from marketplace.events.queries import Cursor
from workers_ui.live_fanout import GZIP_BEGIN, QUEUE_BYTES, RESYNC, Batch, Encoded, Fanout, Stream, joined

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
SOON_SECONDS = 5.0


def at(number: int) -> Cursor:
    return Cursor(xid=number, id=1)


def a_frame(number: int, *topics: str, body: bytes | None = None) -> Encoded:
    text = body or f"event: e\ndata: {number}\n\n".encode()
    return Encoded(fact=at(number), topics=frozenset(topics or ("pool",)), body=text)


def a_batch(*frames: Encoded, time: datetime = NOON) -> Batch:
    return Batch(at=time, cursor=frames[-1].fact, frames=frames)


def following(*topics: str) -> Stream:
    return Stream(topics=frozenset(topics))


def begun(*, history_frames: int = 100) -> Fanout:
    fanout = Fanout(history_frames=history_frames)
    fanout.begin(at(10), NOON)
    return fanout


def hand_out(fanout: Fanout, streams: Sequence[Stream], *batches: Batch) -> None:
    async def play() -> None:
        for stream in streams:
            fanout.join(stream)
        for batch in batches:
            await fanout.hand_out(batch)

    asyncio.run(play())


def missed(fanout: Fanout, *topics: str, after: str = "", since: str = "") -> bytes:
    returned = following(*(topics or ("pool",)))
    fanout.join(returned, after=after, since=since)
    return b"".join(returned.chunks)


def test_all_who_follow_the_same_get_the_very_same_bytes_in_one_piece() -> None:
    ann, bob = following("pool", "worker:ann"), following("pool", "worker:bob")
    hand_out(begun(), [ann, bob], a_batch(a_frame(11), a_frame(12)))
    assert ann.chunks == [b"id: 11-1\nevent: e\ndata: 11\n\nid: 12-1\nevent: e\ndata: 12\n\n"]
    assert bob.chunks[0] is ann.chunks[0]


def test_each_hears_of_his_own_topics_only_and_in_order() -> None:
    ann, manager, nobody = following("pool", "worker:ann"), following("brand:b"), following("worker:bob")
    frames = [a_frame(11, "pool"), a_frame(12, "worker:ann", "brand:b"), a_frame(13, "pool")]
    hand_out(begun(), [ann, manager, nobody], a_batch(*frames))
    assert [chunk.count(b"event:") for chunk in ann.chunks] == [3]
    assert b"".join(manager.chunks) == b"id: 12-1\nevent: e\ndata: 12\n\n"
    assert nobody.chunks == []


def test_a_facts_id_stands_at_its_last_frame_so_that_half_a_fact_is_heard_again() -> None:
    frames = [
        a_frame(11, body=b"event: a\n\n"),
        a_frame(11, body=b"event: b\n\n"),
        a_frame(12, body=b"event: c\n\n"),
    ]
    assert joined(frames, frozenset({"pool"})) == b"event: a\n\nid: 11-1\nevent: b\n\nid: 12-1\nevent: c\n\n"


def test_one_who_does_not_read_is_told_to_reload_and_holds_up_nobody() -> None:
    slow, quick = following("pool"), following("pool")
    heard: list[bytes] = []

    async def play() -> None:
        fanout = begun()
        fanout.join(slow)
        fanout.join(quick)

        async def read() -> None:
            while chunk := await quick.next():
                heard.append(chunk)

        reading = asyncio.create_task(read())
        for number in range(11, 15):
            big = a_frame(number, body=b"x" * (QUEUE_BYTES // 2))
            await asyncio.wait_for(fanout.hand_out(a_batch(big)), SOON_SECONDS)
        quick.end()
        await asyncio.wait_for(reading, SOON_SECONDS)
        assert slow.size <= QUEUE_BYTES
        assert await slow.next() == RESYNC

    asyncio.run(play())
    assert len(heard) >= 3
    assert RESYNC not in heard


def test_after_a_reload_a_stream_goes_on() -> None:
    async def play() -> None:
        fanout, slow = begun(), following("pool")
        fanout.join(slow)
        for number in (11, 12, 13):
            await fanout.hand_out(a_batch(a_frame(number, body=b"x" * (QUEUE_BYTES // 2))))
        assert await slow.next() == RESYNC
        await fanout.hand_out(a_batch(a_frame(14)))
        assert await slow.next() == b"id: 14-1\nevent: e\ndata: 14\n\n"

    asyncio.run(play())


def test_who_comes_back_hears_exactly_what_he_missed() -> None:
    fanout = begun()
    hand_out(fanout, [], a_batch(a_frame(11), a_frame(12, "worker:ann")), a_batch(a_frame(13)))
    assert missed(fanout, after="11-1") == b"id: 13-1\nevent: e\ndata: 13\n\n"
    assert missed(fanout, "pool", "worker:ann", after="11-1").count(b"event: e") == 2
    assert missed(fanout, after="13-1") == b""
    assert missed(fanout, after="10-1").count(b"event: e") == 2


def test_who_comes_back_from_before_the_history_is_told_to_reload() -> None:
    fanout = begun(history_frames=2)
    assert missed(fanout, after="9-9") == RESYNC
    hand_out(fanout, [], *(a_batch(a_frame(number)) for number in range(11, 15)))
    assert missed(fanout, after="11-1") == RESYNC
    assert missed(fanout, after="12-1").count(b"event: e") == 2
    for nonsense in ("x", "1", "99999999999999999999999-1"):
        assert missed(fanout, after=nonsense) == RESYNC


def test_a_page_hears_what_happened_since_it_was_made() -> None:
    fanout = begun(history_frames=3)
    for number in range(11, 15):
        hand_out(fanout, [], a_batch(a_frame(number), time=NOON + timedelta(seconds=10 * (number - 10))))
    assert missed(fanout, since=(NOON + timedelta(seconds=35)).isoformat()).count(b"event: e") == 1
    assert missed(fanout, since=(NOON + timedelta(seconds=20.5)).isoformat()).count(b"event: e") == 3
    assert missed(fanout, since=NOON.isoformat()) == RESYNC
    for nonsense in ("yesterday", "2026-11-27T12:00:00"):
        assert missed(fanout, since=nonsense) == RESYNC


def test_what_cannot_be_told_makes_everybody_reload_once() -> None:
    async def play() -> None:
        fanout, ann = begun(), following("pool")
        fanout.join(ann)
        await fanout.resync_all(at(20), NOON)
        assert await ann.next() == RESYNC
        assert missed(fanout, after="19-1") == RESYNC
        assert missed(fanout, after="20-1") == b""

    asyncio.run(play())


def test_the_keep_alive_tells_how_far_everything_is_heard() -> None:
    async def play() -> None:
        fanout, ann = begun(), following("pool")
        fanout.join(ann)
        await fanout.hand_out(a_batch(a_frame(11, "brand:other")))
        await fanout.say_here()
        assert await ann.next() == b"event: here\nid: 11-1\ndata: {}\n\n"

    asyncio.run(play())


def test_packed_chunks_are_shared_too_and_any_browsers_gzip_reads_them() -> None:
    fanout = begun()
    ann, bob, plain = (
        Stream(topics=frozenset({"pool", "worker:ann"}), packs=True),
        Stream(topics=frozenset({"pool"}), packs=True),
        following("pool"),
    )
    batches = [a_batch(a_frame(11), a_frame(12)), a_batch(a_frame(13))]
    hand_out(fanout, [ann, bob, plain], *batches)
    assert [one is other for one, other in zip(ann.chunks, bob.chunks, strict=True)] == [True, True]
    reading = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    read = reading.decompress(GZIP_BEGIN + ann.own(b"retry: 1\n\n"))
    assert read == b"retry: 1\n\n"  # each piece is readable when it comes
    for packed_chunk, chunk in zip(ann.chunks, plain.chunks, strict=True):
        assert reading.decompress(packed_chunk) == chunk
    ann.behind = True
    assert reading.decompress(asyncio.run(ann.next())) == RESYNC


def test_who_left_is_handed_nothing_more() -> None:
    fanout, ann = begun(), following("pool")
    fanout.join(ann)
    fanout.leave(ann)
    hand_out(fanout, [], a_batch(a_frame(11)))
    assert ann.chunks == []
    assert fanout.streams == set()
