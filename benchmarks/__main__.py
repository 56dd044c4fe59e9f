"""`make bench`: every benchmark in turn, as a table."""

from benchmarks import claims, live, suggestion
from benchmarks.figures import line


def main() -> None:
    for benchmark in (claims, suggestion, live):
        for figure in benchmark.measure():
            print(line(figure), flush=True)


if __name__ == "__main__":
    main()
