"""What a disk may hold after a power failure: from the shim's journal, one of the states that POSIX allows.

Contents that were not flushed are zeroed or cut off, names whose folder was not flushed are taken back, each or all by
chance. The disk may keep more than it promised, never less; how much it keeps is drawn with the rest.
"""

import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = 4096


@dataclass(eq=False)
class Content:
    """A file, under whatever name it has now."""
    path: str
    unflushed: list = field(default_factory=list)  # (offset, length)
    flushed_size: int = 0


@dataclass(eq=False)
class Change:
    """A change of names that its folder has not made durable yet."""
    kind: str
    folder: str
    path: str
    source: str = ""
    kept: str = "-"
    after_cut: bool = False


class Disk:
    """Reads the journal; knows afterwards what is not durable."""

    def __init__(self, obeys_flushes=True):
        self.contents = {}
        self.changes = []
        self.flushing = {}
        self.cut = False
        self.obeys_flushes = obeys_flushes

    def content(self, path):
        return self.contents.setdefault(path, Content(path))

    def change(self, kind, path, **more):
        self.changes.append(Change(kind, os.path.dirname(path), path, after_cut=self.cut, **more))

    def replay(self, journal):
        for line in journal.splitlines():
            kind, *fields = line.split("\t")
            getattr(self, "on_" + kind)(*fields)
        return self

    def on_p(self):
        self.cut = True

    def on_c(self, path):
        self.contents[path] = Content(path)
        self.change("create", path)

    def on_d(self, path):
        self.change("mkdir", path)

    def on_w(self, path, offset, length):
        content = self.contents.get(path) or self.contents.setdefault(path, Content(path, [], int(offset)))
        content.unflushed.append((int(offset), int(length)))

    def on_t(self, path, size):
        content = self.content(path)
        content.flushed_size = min(content.flushed_size, int(size))

    def on_r(self, source, target, kept):
        self.contents.pop(target, None)
        move_names(self.contents.values(), source, target)
        self.contents = {content.path: content for content in self.contents.values()}
        self.change("rename", target, source=source, kept=kept)

    def on_u(self, path, kept):
        self.contents.pop(path, None)
        self.change("unlink", path, kept=kept)

    def on_s(self, path, identity):
        content = self.contents.get(path)
        self.flushing[identity] = (content, list(content.unflushed) if content else [],
                                   {change for change in self.changes if change.folder == path})

    def on_e(self, identity):
        if self.cut or not self.obeys_flushes:
            return
        content, written, made_durable = self.flushing.pop(identity)
        if content is not None:
            content.unflushed = [each for each in content.unflushed if each not in written]
            content.flushed_size = max([content.flushed_size, *(offset + length for offset, length in written)])
        self.changes = [change for change in self.changes if change not in made_durable]


def move_names(contents, source, target):
    """After a file or folder got another name."""
    for content in contents:
        if content.path == source or content.path.startswith(source + "/"):
            content.path = target + content.path[len(source):]


def take_back(change, contents):
    path = Path(change.path)
    if change.kind == "create":
        path.unlink(missing_ok=True)
    elif change.kind == "mkdir":
        shutil.rmtree(path, ignore_errors=True)
    elif change.kind == "rename" and path.exists():
        Path(change.source).parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, change.source)
        move_names(contents, change.path, change.source)
    if change.kept != "-" and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(change.kept, path)


def blocks_of(content):
    for offset, length in content.unflushed:
        end = offset + length
        while offset < end:
            next_block = min((offset // BLOCK + 1) * BLOCK, end)
            yield offset, next_block - offset
            offset = next_block


def lose_content(content, chance, share):
    """Zeroes a share of the blocks that were not flushed, or cuts the file off somewhere behind what was."""
    path = Path(content.path)
    if not content.unflushed or not path.is_file():
        return
    size = path.stat().st_size
    with open(path, "r+b") as file:
        for offset, length in blocks_of(content):
            if offset + length <= size and chance.random() < share:
                file.seek(offset)
                file.write(bytes(length))
        if chance.random() < share and size > content.flushed_size:
            file.truncate(chance.randrange(content.flushed_size, size))


class AlwaysLoses(random.Random):
    """All that may be lost is."""
    choice = staticmethod(max)
    random = staticmethod(lambda: 0.0)


def lose_power(journal, chance, obeys_flushes=True):
    """Makes the files what a disk might hold, from the text of the journal. Nothing may be running."""
    disk = Disk(obeys_flushes).replay(journal)
    share_of_names, share_of_blocks = chance.choice([0, 0.5, 1]), chance.choice([0, 0.1, 0.5, 1])
    contents = list(disk.contents.values())
    for change in reversed(disk.changes):
        if change.after_cut or chance.random() < share_of_names:
            take_back(change, contents)
    for content in contents:
        lose_content(content, chance, share_of_blocks)
