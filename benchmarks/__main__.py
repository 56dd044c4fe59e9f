"""`make bench`: every benchmark in turn, as a table."""

from benchmarks import (
    board,
    claims,
    gaps,
    indexing,
    ledger,
    lint,
    live,
    peers,
    pool_growth,
    reading,
    retrieval,
    reuse,
    suggestion,
    texts,
    vectors,
)
from benchmarks.figures import line


def main() -> None:
    for benchmark in (
        claims,
        pool_growth,
        board,
        peers,
        live,
        suggestion,
        texts,
        lint,
        indexing,
        vectors,
        gaps,
        reading,
        retrieval,
        reuse,
        ledger,
    ):
        for figure in benchmark.measure():
            print(line(figure), flush=True)


if __name__ == "__main__":
    main()
