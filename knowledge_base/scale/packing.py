"""A snapshot's folder as bytes that travel between machines, and back."""

from pathlib import Path, PurePosixPath

from knowledge_base.index.atomic_folder import appearing

Packed = dict[str, bytes | None]
"""Content by path inside the folder; None is a folder, which may be empty."""


def pack(folder: Path) -> Packed:
    """Raises OSError when it cannot be read; nothing is checked."""
    paths = sorted(folder.rglob("*"))
    if not paths:
        raise FileNotFoundError(f"There is no search index in {folder}.")
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes() for path in paths
    }


def unpack(packed: Packed, folder: Path) -> None:
    """`folder` appears whole or not at all; what stood there before is replaced."""
    with appearing(folder) as building:
        for name, content in packed.items():
            path = building / _inside(name)
            (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
            if content is not None:
                path.write_bytes(content)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name} is outside the snapshot.")
    return path
