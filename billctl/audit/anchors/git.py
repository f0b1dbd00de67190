"""An anchor in a git repository: one file for each log, one commit for each checkpoint.

A bare repository or a work tree. Where the branch has an upstream, what is there is fetched first and the
commit pushed: the remote is what makes the anchor strong, if it refuses forced pushes. Several machines
may share one: their commits are merged, since each log has its own file.

Nothing of the repository's own is run but what a push needs (its ssh command or credential helper): no
hooks, no signing, no file system monitor.
"""

import os
import re
import time as clocks
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from billctl.audit.anchors.base import Anchored, AnchorUnreachable
from billctl.audit.anchors.programs import Ran, run
from billctl.audit.checkpoint import BadCheckpoint, Checkpoint, parse
from billctl.frozen import frozen

LARGEST_BLOB = 2048
"""Bytes; a checkpoint has about 110, the rest is for signatures. A bigger file is not read."""

MOST_COMMITS = 100_000
"""How many of the newest commits are read back: eleven years of one each hour."""

TRIES = 4
"""How often a commit is made anew because somebody else's came first."""

OPTIONS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false", "-c", "push.gpgSign=false", "-c", "protocol.ext.allow=never"),
    *("-c", "log.showSignature=false", "-c", "core.quotePath=true"),
)
PERSON = "billctl"
_FILE = re.compile(r"([0-9a-f]{32})\.checkpoint")
_RAW = re.compile(r":\d{6} \d{6} [0-9a-f]+ ([0-9a-f]+) [AM]\t(\S+)")


@frozen
class _Upstream:
    """Where a branch is pushed to; `seen` is our own ref of what was there last."""

    remote: str
    branch: str
    seen: str


class _OvertakenError(Exception):
    """Somebody else's commit came between ours and the branch."""


class GitAnchor:
    """The repository at `path`; see `billctl.audit.anchors.base.Anchor`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._until = 0.0

    def put(self, checkpoint: Checkpoint, *, time: datetime, limit: float) -> str:
        """Commit the checkpoint, and push it where the branch has an upstream."""
        self._until = clocks.monotonic() + limit
        branch = self._branch()
        upstream = self._upstream(branch)
        for _ in range(TRIES):
            try:
                return self._commit(checkpoint, time, branch, upstream)
            except _OvertakenError:
                continue
        raise self._unreachable("others keep committing to it", "Try again.")

    def read(self, *, limit: float) -> Sequence[Anchored]:
        """The checkpoints of every commit that the branch, or its upstream, leads to."""
        self._until = clocks.monotonic() + limit
        branch = self._branch()
        upstream = self._upstream(branch)
        if upstream:
            self._fetch(upstream)
        tips = [tip for tip in (self._tip(branch), self._tip(upstream.seen) if upstream else None) if tip]
        return self._checkpoints(tips) if tips else []

    # Writing

    def _commit(self, checkpoint: Checkpoint, time: datetime, branch: str, upstream: _Upstream | None) -> str:
        if upstream:
            self._fetch(upstream)
        local, remote = self._tip(branch), self._tip(upstream.seen) if upstream else None
        parents = self._parents(local, remote)
        commit = self._made(checkpoint, time, self._tree(checkpoint, parents), parents)
        if self._git("update-ref", branch, commit, local or "0" * len(commit)).code:
            raise _OvertakenError
        if upstream:
            self._push(commit, upstream)
        self._follow(local, commit)
        return f"{commit[:12]}{f', pushed to {upstream.remote}' if upstream else ''}"

    def _parents(self, local: str | None, remote: str | None) -> list[str]:
        """What the new commit follows: of the two tips those that the other does not lead to."""
        tips = [tip for tip in dict.fromkeys((local, remote)) if tip]
        if len(tips) < 2:
            return tips
        for older, newer in (tips, tips[::-1]):
            if self._git("merge-base", "--is-ancestor", older, newer).code == 0:
                return [newer]
        return tips

    def _tree(self, checkpoint: Checkpoint, parents: Sequence[str]) -> str:
        """The tree of the parents together, with the checkpoint's file in it."""
        blob = self._must("hash-object", "-w", "--stdin", given=checkpoint.text().encode())
        name = f"{checkpoint.origin.partition('/')[2]}.checkpoint"
        with TemporaryDirectory(prefix="billctl-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if len(parents) == 1:
                self._must("read-tree", parents[0], env=env)
            elif parents:
                base = self._must("merge-base", *parents)
                self._must("read-tree", "-i", "-m", "--aggressive", base, *parents, env=env)
            self._must("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", env=env)
            return self._must("write-tree", env=env)

    def _made(self, checkpoint: Checkpoint, time: datetime, tree: str, parents: Sequence[str]) -> str:
        moment = f"{int(time.timestamp())} +0000"
        env = {
            "GIT_AUTHOR_NAME": PERSON,
            "GIT_AUTHOR_EMAIL": PERSON,
            "GIT_AUTHOR_DATE": moment,
            "GIT_COMMITTER_NAME": PERSON,
            "GIT_COMMITTER_EMAIL": PERSON,
            "GIT_COMMITTER_DATE": moment,
        }
        options = [word for parent in parents for word in ("-p", parent)]
        message = f"{checkpoint.origin}: {checkpoint.size} records\n".encode()
        return self._must("commit-tree", tree, *options, given=message, env=env)

    def _push(self, commit: str, upstream: _Upstream) -> None:
        done = self._git("push", "--quiet", "--no-verify", upstream.remote, f"{commit}:{upstream.branch}")
        if done.code == 0:
            return
        if b"[rejected]" in done.err or b"fetch first" in done.err or b"non-fast-forward" in done.err:
            raise _OvertakenError
        raise self._unreachable(
            f"it is committed there, but not pushed to {upstream.remote}: {done.why()}",
            "It goes with the next push that succeeds.",
        )

    def _follow(self, old: str | None, new: str) -> None:
        """Let a work tree show the commit, where it has no changes that are in the way."""
        if self._must("rev-parse", "--is-bare-repository") == "false":
            self._git("read-tree", "-m", "-u", *([old] if old else []), new)

    # Reading

    def _checkpoints(self, tips: Sequence[str]) -> list[Anchored]:
        log = self._must(
            "log", "--reverse", f"--max-count={MOST_COMMITS}", "--format=%ct", "-m", "--raw", "--no-abbrev",
            "--no-renames", "--no-show-signature", "--no-textconv", "--no-ext-diff", *tips,
            "--", "*.checkpoint",
        )  # fmt: skip
        found: dict[tuple[str, str], datetime] = {}
        moment = datetime.fromtimestamp(0, UTC)
        for line in log.splitlines():
            if line.isascii() and line.isdigit():
                moment = _moment(line)
            elif (raw := _RAW.fullmatch(line)) and (name := _FILE.fullmatch(raw[2])):
                found.setdefault((name[1], raw[1]), moment)
        texts = self._blobs({blob for _, blob in found})
        return list(_readable(found, texts))

    def _blobs(self, names: set[str]) -> dict[str, bytes]:
        """The contents of those that are small enough for a checkpoint."""
        asked = "".join(f"{name}\n" for name in sorted(names)).encode()
        sizes = self._must("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", given=asked)
        small = []
        for line in sizes.splitlines():
            name, kind, *size = line.split()
            if kind == "blob" and int(size[0]) <= LARGEST_BLOB:
                small.append(name)
        done = self._git("cat-file", "--batch", given="".join(f"{name}\n" for name in small).encode())
        if done.code:
            raise self._unreachable(done.why(), "")
        return dict(_batch(done.out))

    # git

    def _branch(self) -> str:
        """The full name of the branch that is checked out; it need not have a commit."""
        if not self.path.is_dir():
            raise self._unreachable("there is no such folder", "Make it: git init --bare PATH.")
        found = self._git("symbolic-ref", "--quiet", "HEAD")
        if found.code:
            why = found.why() if found.err else "no branch is checked out there"
            raise self._unreachable(why, "Make a repository of its own: git init --bare PATH.")
        return found.out.decode().strip()

    def _upstream(self, branch: str) -> _Upstream | None:
        short = branch.removeprefix("refs/heads/")
        words = [self._git("config", "--get", f"branch.{short}.{key}") for key in ("remote", "merge")]
        remote, merge = (word.out.decode(errors="replace").strip() for word in words)
        if not remote or remote == "." or not merge.startswith("refs/heads/"):
            return None
        if remote.startswith("-"):
            raise self._unreachable("its upstream's name is an option", "Correct branch.*.remote there.")
        seen = f"refs/billctl/{merge.removeprefix('refs/heads/')}"
        return _Upstream(remote=remote, branch=merge, seen=seen)

    def _fetch(self, upstream: _Upstream) -> None:
        # A pattern, since a branch that is not there yet would fail; never pruned, never tags.
        done = self._git(
            "fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head",
            "--no-recurse-submodules", upstream.remote, "+refs/heads/*:refs/billctl/*",
        )  # fmt: skip
        if done.code:
            raise self._unreachable(f"{upstream.remote} does not answer: {done.why()}", "")

    def _tip(self, ref: str) -> str | None:
        found = self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return found.out.decode().strip() if found.code == 0 else None

    def _must(self, *words: str, given: bytes = b"", env: dict[str, str] | None = None) -> str:
        done = self._git(*words, given=given, env=env)
        if done.code:
            raise self._unreachable(done.why(), "Look at it with git.")
        return done.out.decode(errors="replace").strip()

    def _git(self, *words: str, given: bytes = b"", env: dict[str, str] | None = None) -> Ran:
        ours = {
            "GIT_CEILING_DIRECTORIES": str(self.path.parent),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ADVICE": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "SSH_ASKPASS_REQUIRE": "never",
        }
        argv = ("git", "-C", os.fspath(self.path), *OPTIONS, *words)
        limit = self._until - clocks.monotonic()
        if limit <= 0:
            raise self._unreachable("git took too long", "")
        return run(argv, limit=limit, given=given, env={**ours, **(env or {})})

    def _unreachable(self, why: str, hint: str) -> AnchorUnreachable:
        return AnchorUnreachable(
            f"the anchor git:{self.path} cannot be used: {why}", code="anchor_unreachable", hint=hint
        )


def _readable(found: dict[tuple[str, str], datetime], texts: dict[str, bytes]) -> Iterator[Anchored]:
    for (log, blob), moment in found.items():
        try:
            mark = parse(texts.get(blob, b""))
        except BadCheckpoint:
            continue  # not everything with such a name need be ours
        if mark.origin == f"billctl.audit/{log}":
            yield Anchored(checkpoint=mark, time=moment)


def _batch(answer: bytes) -> Iterator[tuple[str, bytes]]:
    """What `git cat-file --batch` printed: `NAME blob SIZE`, the content, a newline."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        name, _, size = answer[at:end].decode().split()
        yield name, answer[end + 1 : end + 1 + int(size)]
        at = end + 2 + int(size)


def _moment(seconds: str) -> datetime:
    """A commit's time; the last that a datetime can be where it is beyond."""
    return datetime.fromtimestamp(min(int(seconds[:12]), 253_402_300_799), UTC)
