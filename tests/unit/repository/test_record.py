"""Status and events become one note and one commit, once, and only when something changed; git itself reads them."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import jsonschema
import pygit2
import pytest
from support.git_server import bare, clone, commit, git
from support.writeback import NOON, PlainSecrets, StillClock, event, settings_for, status

from agent.core.reasons import Reason
from agent.errors import PierheadError, Transient
from agent.repository.destination import LocalDestination, RemoteDestination
from agent.repository.mirror import Mirror
from agent.repository.opening import open_recorder, open_repository
from agent.repository.record import GitRecorder
from agent.settings import WriteBackSettings

BRANCH = "refs/heads/pierhead/edge-1"
NOTES = "refs/notes/pierhead/edge-1"
SCHEMAS = Path(__file__).parents[3] / "schemas"


def recorder(repository: Path, host: str = "edge-1", clock: StillClock | None = None, **fields: bool) -> GitRecorder:
    return GitRecorder(LocalDestination(repository), host, WriteBackSettings(**fields), clock or StillClock())


def ids(repository: Path, ref: str = BRANCH) -> list[str]:
    """All event ids on a branch, segment by segment in order."""
    names = git(repository, "ls-tree", "-r", "--name-only", ref, "events/").splitlines()
    names.sort(key=lambda name: (name[:17], int(name.split(".")[1]) if name.count(".") == 2 else 1))
    lines = "\n".join(git(repository, "show", f"{ref}:{name}") for name in names).splitlines()
    return [json.loads(line)["id"] for line in lines]


def commits(repository: Path, ref: str) -> int:
    return int(git(repository, "rev-list", "--count", ref))


@pytest.fixture
def head(config) -> str:
    return config.push({"workloads/shop.yaml": "kind: Workload\n"})


def test_a_flush_writes_a_note_under_the_commit_and_a_branch(config, head):
    recorder(config.bare).flush(status(head), [event(1), event(2)])
    note = json.loads(git(config.bare, "notes", f"--ref={NOTES}", "show", head))
    assert note["workloads"]["shop"]["phase"] == "Synced"
    assert "Notes (pierhead/edge-1):" in git(config.bare, "log", "--notes=pierhead/*", "-1", "main")
    assert json.loads(git(config.bare, "show", f"{BRANCH}:status.json")) == note
    assert "| shop | Synced |" in git(config.bare, "show", f"{BRANCH}:STATUS.md")
    assert ids(config.bare) == [event(1).id, event(2).id]
    assert git(config.bare, "fsck", "--strict", "--full") == ""


def test_what_is_written_is_valid_against_the_schemas(config, head):
    recorder(config.bare).flush(status(head), [event(1)])
    for ref, name in ((f"{BRANCH}:status.json", "status"), (f"{BRANCH}:events/2026-11-23.jsonl", "event")):
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(json.loads(git(config.bare, "show", ref)))


def test_the_commit_says_who_when_and_what(config, head):
    recorder(config.bare).flush(status(head), [event(number) for number in range(25)])
    shown = git(config.bare, "show", "--no-patch", "--format=%an <%ae> %at%n%s%n%b", BRANCH).splitlines()
    assert shown[0] == f"Pierhead <pierhead@edge-1> {int(NOON)}"
    assert shown[1] == f"edge-1: 1 Synced at {head[:12]}"
    assert shown[2] == "- shop: Deployed: shop is healthy"
    assert shown[-1] == "- and 5 more"


def test_nothing_is_written_when_only_the_time_changed(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [event(1)])
    before = git(config.bare, "for-each-ref")
    one.flush(status(head, at="11:00:00"), [])
    one.flush(status(head, at="12:00:00"), [event(1)])
    assert git(config.bare, "for-each-ref") == before


def test_a_changed_status_rewrites_the_note(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [])
    one.flush(status(head, message="updated"), [])
    note = json.loads(git(config.bare, "notes", f"--ref={NOTES}", "show", head))
    assert note["workloads"]["shop"]["message"] == "updated"
    assert len(git(config.bare, "notes", f"--ref={NOTES}", "list").splitlines()) == 1
    assert commits(config.bare, BRANCH) == 2


def test_notes_on_earlier_commits_stay(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [])
    later = config.push({"workloads/shop.yaml": "kind: Workload\nname: shop\n"})
    one.flush(status(later), [])
    listed = git(config.bare, "notes", f"--ref={NOTES}", "list").split()
    assert {head, later} <= set(listed)
    assert git(config.bare, "log", "--notes=pierhead/*", "main").count("Notes (pierhead/edge-1)") == 2


def test_a_note_that_somebody_wrote_without_fan_out_is_replaced_not_doubled(config, head):
    git(config.bare, "notes", f"--ref={NOTES}", "add", "-m", "by hand", head)
    recorder(config.bare).flush(status(head), [])
    shown = git(config.bare, "notes", f"--ref={NOTES}", "show", head)
    assert "by hand" not in shown
    json.loads(shown)


def test_a_note_two_levels_deep_is_replaced_not_doubled(config, head):
    repository = pygit2.Repository(str(config.bare))
    blob = repository.create_blob(b"by hand\n")
    tree = blob
    for name in (head[4:], head[2:4], head[:2]):
        builder = repository.TreeBuilder()
        builder.insert(name, tree, 0o100644 if tree == blob else 0o040000)
        tree = builder.write()
    who = pygit2.Signature("a", "b@example.com", 1, 0)
    repository.create_commit(NOTES, who, who, "by hand", tree, [])
    one = recorder(config.bare)
    one.flush(status(head), [])
    shown = git(config.bare, "notes", f"--ref={NOTES}", "show", head)
    assert "by hand" not in shown
    json.loads(shown)


def test_each_part_of_write_back_can_be_off(config, head):
    recorder(config.bare, branch=False).flush(status(head), [event(1)])
    assert git(config.bare, "for-each-ref", "--format=%(refname)", "refs/heads/pierhead", "refs/notes") == NOTES
    git(config.bare, "update-ref", "-d", NOTES)
    recorder(config.bare, notes=False).flush(status(head), [event(1)])
    assert git(config.bare, "for-each-ref", "--format=%(refname)", "refs/heads/pierhead", "refs/notes") == BRANCH
    before = git(config.bare, "for-each-ref")
    recorder(config.bare, notes=False, branch=False).flush(status(head), [event(2)])
    assert git(config.bare, "for-each-ref") == before


def test_without_a_revision_there_is_no_note(config, head):
    recorder(config.bare).flush(status(None), [event(1)])
    assert git(config.bare, "for-each-ref", "--format=%(refname)", "refs/notes") == ""
    assert ids(config.bare) == [event(1).id]


def test_uncommitted_files_are_noted_on_the_commit_under_them(config, head):
    recorder(config.work).flush(status("worktree-0123456789ab"), [])
    assert (
        json.loads(git(config.work, "notes", f"--ref={NOTES}", "show", "HEAD"))["revision"] == "worktree-0123456789ab"
    )
    empty = config.folder / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    recorder(empty).flush(status("worktree-0123456789ab"), [event(1)])
    assert git(empty, "for-each-ref", "--format=%(refname)") == BRANCH


def test_writing_into_a_working_repository_leaves_its_files_alone(config, head):
    recorder(config.work).flush(status(head), [event(1)])
    assert git(config.work, "status", "--porcelain") == ""
    assert git(config.work, "branch", "--show-current") == "main"
    assert ids(config.work) == [event(1).id]


def test_a_folder_without_git_is_explained(tmp_path):
    with pytest.raises(Transient, match="no git repository") as caught:
        recorder(tmp_path).flush(status(None), [event(1)])
    assert caught.value.reason is Reason.WRITE_BACK_FAILED


def test_segments_are_rotated_and_only_the_newest_is_rewritten(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [event(number, message="x" * 2000) for number in range(300)])
    names = git(config.bare, "ls-tree", "--name-only", f"{BRANCH}:events").splitlines()
    assert sorted(names) == ["2026-11-23.2.jsonl", "2026-11-23.3.jsonl", "2026-11-23.jsonl"]
    sizes = [int(line.split()[3]) for line in git(config.bare, "ls-tree", "-l", f"{BRANCH}:events").splitlines()]
    assert max(sizes) <= 256 * 1024
    before = git(config.bare, "rev-parse", f"{BRANCH}:events/2026-11-23.jsonl")
    one.flush(status(head), [event(300)])
    assert git(config.bare, "rev-parse", f"{BRANCH}:events/2026-11-23.jsonl") == before
    assert ids(config.bare) == [event(number).id for number in range(301)]


def test_events_lie_in_the_file_of_their_own_day(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [event(1, day="2026-11-21"), event(1, day="2026-11-23")])
    one.flush(status(head), [event(2, day="2026-11-21")])
    names = git(config.bare, "ls-tree", "--name-only", f"{BRANCH}:events").splitlines()
    assert names == ["2026-11-21.jsonl", "2026-11-23.jsonl"]
    assert len(ids(config.bare)) == 3


def test_an_event_larger_than_a_segment_gets_one_of_its_own(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [event(1), event(2, message="x" * 300_000), event(3)])
    assert ids(config.bare) == [event(1).id, event(2).id, event(3).id]


def test_a_flush_repeated_after_a_crash_doubles_nothing(config, head):
    events = [event(number, message="x" * 2000) for number in range(400)]
    recorder(config.bare).flush(status(head), events)
    recorder(config.bare).flush(status(head), [*events, event(400)])
    assert ids(config.bare) == [event(number).id for number in range(401)]


def test_old_segments_are_dropped_when_something_is_written(config, head):
    clock = StillClock()
    one = recorder(config.bare, clock=clock)
    one.flush(status(head), [event(1, day="2026-10-01"), event(2, day="2026-11-20")])
    one.retention = 5
    one.flush(status(head), [event(3)])
    names = git(config.bare, "ls-tree", "--name-only", f"{BRANCH}:events").splitlines()
    assert names == ["2026-11-20.jsonl", "2026-11-23.jsonl"]
    assert "2026-10-01" in git(config.bare, "show", f"{BRANCH}~1:events/2026-10-01.jsonl")


def test_what_others_put_on_the_branch_stays(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [event(1)])
    other = clone(config.bare, config.folder / "other")
    git(other, "fetch", "--quiet", "origin", "pierhead/edge-1")
    git(other, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    commit(other, {"deliveries/2026-11-23.jsonl": "{}\n", "events/README": "by hand"})
    git(other, "push", "--quiet", "origin", f"HEAD:{BRANCH}")
    one.flush(status(head), [event(2)])
    assert git(config.bare, "show", f"{BRANCH}:deliveries/2026-11-23.jsonl") == "{}"
    assert git(config.bare, "show", f"{BRANCH}:events/README") == "by hand"


def test_two_hosts_share_one_repository(config, head):
    one, two = recorder(config.bare), recorder(config.bare, host="edge-2")
    for number in range(5):
        one.flush(status(head, message=str(number)), [event(number)])
        two.flush(status(head, host="edge-2", message=str(number)), [event(number, host="edge-2")])
    assert len(ids(config.bare)) == len(ids(config.bare, "refs/heads/pierhead/edge-2")) == 5
    assert git(config.bare, "log", "--notes=pierhead/*", "-1", "main").count("Notes (pierhead/edge-") == 2


def test_a_hostile_host_name_becomes_one_valid_ref(config, head):
    host = "a/../b c~^:?*[\\@{.lock"
    recorder(config.bare, host=host).flush(status(head, host=host), [event(1, host=host)])
    refs = git(config.bare, "for-each-ref", "--format=%(refname)", "refs/heads/pierhead").splitlines()
    assert len(refs) == 1
    assert refs[0].count("/") == 3
    assert git(config.bare, "fsck", "--strict") == ""


def test_a_login_in_the_address_is_never_written(config, head):
    leaking = replace(status(head), repository="https://pierhead:hunter2@git.example.com/config.git")
    recorder(config.bare).flush(leaking, [])
    written = git(config.bare, "show", f"{BRANCH}:status.json")
    assert "hunter2" not in written
    assert "https://***@git.example.com/config.git" in written


def test_text_that_is_not_valid_unicode_is_written_escaped(config, head):
    recorder(config.bare).flush(status(head, message="bad \udc80 bytes"), [event(1, message="bad \udc80 bytes")])
    line = git(config.bare, "show", f"{BRANCH}:events/2026-11-23.jsonl")
    assert json.loads(line)["message"] == "bad \udc80 bytes"


def test_a_branch_in_the_way_is_explained(config, head):
    git(config.bare, "update-ref", "refs/heads/pierhead", head)
    with pytest.raises(Transient) as caught:
        recorder(config.bare).flush(status(head), [event(1)])
    assert caught.value.reason is Reason.PUSH_REJECTED
    assert "in the way" in caught.value.advice


class Stubborn(LocalDestination):
    """Somebody else's commit comes first, always."""

    def publish(self, updates) -> None:
        repository = self.repository()
        who = pygit2.Signature("a", "b@example.com", 1, 0)
        for ref in updates:
            tip = self.tip(ref)
            parents = [tip] if tip else []
            tree = repository[tip].tree_id if tip else repository.TreeBuilder().write()
            repository.references.create(ref, repository.create_commit(None, who, who, "x", tree, parents), force=True)
        super().publish(updates)


def test_refs_that_keep_moving_are_a_second_agent(config, head):
    one = GitRecorder(Stubborn(config.bare), "edge-1", WriteBackSettings(), StillClock())
    with pytest.raises(Transient, match="keep moving") as caught:
        one.flush(status(head), [event(1)])
    assert "same host name" in caught.value.advice


class Racing(Stubborn):
    """Somebody else's commit comes first, once."""

    raced = False

    def publish(self, updates) -> None:
        if not self.raced:
            self.raced = True
            super().publish(updates)
        LocalDestination.publish(self, updates)


def test_a_ref_that_moved_meanwhile_is_built_upon(config, head):
    GitRecorder(Racing(config.bare), "edge-1", WriteBackSettings(), StillClock()).flush(status(head), [event(1)])
    assert ids(config.bare) == [event(1).id]
    assert commits(config.bare, BRANCH) == 2


# Over a remote: the bare repository through the mirror, as libgit2 pushes it ------------------------------------------


def remote_recorder(config, name: str = "data", host: str = "edge-1") -> GitRecorder:
    settings = settings_for(config.folder, str(config.bare), host=host).repo
    mirror = Mirror(settings, config.folder / name, PlainSecrets())
    mirror.fetch()
    return GitRecorder(RemoteDestination(mirror, host), host, WriteBackSettings(), StillClock())


def test_a_push_carries_note_and_branch(config, head):
    one = remote_recorder(config)
    one.flush(status(head), [event(1)])
    one.flush(status(head, message="again"), [event(2)])
    assert ids(config.bare) == [event(1).id, event(2).id]
    assert "again" in git(config.bare, "notes", f"--ref={NOTES}", "show", head)
    assert commits(config.bare, BRANCH) == commits(config.bare, NOTES) == 2
    assert git(config.bare, "fsck", "--strict", "--full") == ""


def test_a_reinstalled_host_goes_on_where_it_was(config, head):
    remote_recorder(config).flush(status(head), [event(1)])
    remote_recorder(config, "data-after-loss").flush(status(head), [event(1), event(2)])
    assert ids(config.bare) == [event(1).id, event(2).id]
    assert commits(config.bare, BRANCH) == 2


def test_two_agents_of_one_host_name_never_overwrite_each_other(config, head):
    one, two = remote_recorder(config), remote_recorder(config, "other")
    for number in range(3):
        one.flush(status(head), [event(2 * number)])
        two.flush(status(head), [event(2 * number + 1)])
    assert ids(config.bare) == [event(number).id for number in range(6)]
    assert commits(config.bare, BRANCH) == 6


def test_refs_deleted_at_the_remote_are_begun_again(config, head):
    one = remote_recorder(config)
    one.flush(status(head), [event(1)])
    git(config.bare, "update-ref", "-d", BRANCH)
    git(config.bare, "update-ref", "-d", NOTES)
    with_second = remote_recorder(config, "other")
    with_second.flush(status(head), [event(2)])
    assert ids(config.bare) == [event(2).id]
    one.flush(status(head), [event(3)])
    assert ids(config.bare) == [event(2).id, event(3).id]


def test_a_broken_mirror_does_not_stop_the_recorder(config, head):
    settings = settings_for(config.folder, str(config.bare)).repo
    mirror = Mirror(settings, config.folder / "data", PlainSecrets())
    mirror.fetch()
    one = GitRecorder(RemoteDestination(mirror, "edge-1"), "edge-1", WriteBackSettings(), StillClock())
    one.flush(status(head), [event(1)])
    for path in (mirror.path / "objects").glob("[0-9a-f][0-9a-f]/*"):
        path.unlink()
    one.flush(status(head), [event(2)])
    assert ids(config.bare) == [event(1).id, event(2).id]


# Chosen by the settings -----------------------------------------------------------------------------------------------


def opened(config, url: str, **fields: object) -> GitRecorder:
    settings = settings_for(config.folder, url, **fields)
    repository = open_repository(settings, PlainSecrets())
    repository.fetch()
    return open_recorder(settings, repository, StillClock())


def test_a_local_repository_is_written_to_directly(config, head):
    opened(config, str(config.work)).flush(status(head), [event(1)])
    assert ids(config.work) == [event(1).id]


def test_a_working_tree_is_written_to_directly(config, head):
    opened(config, str(config.work), worktree=True).flush(status("worktree-0123456789ab"), [event(1)])
    assert ids(config.work) == [event(1).id]


def test_without_push_everything_stays_in_the_mirror(config, head):
    opened(config, str(config.bare), write_back=WriteBackSettings(push=False)).flush(status(head), [event(1)])
    assert git(config.bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert ids(config.folder / "data" / "mirror.git") == [event(1).id]


def test_a_working_tree_has_to_be_on_this_machine(config):
    settings = settings_for(config.folder, "https://u:p@git.example.com/config.git", worktree=True)
    with pytest.raises(PierheadError, match=r"found https://\*\*\*@git.example.com/config.git"):
        open_repository(settings, PlainSecrets())


def test_an_append_costs_the_same_whatever_is_there_already(tmp_path):
    """A loose bound: the log of 20,000 events must not make the append ten times as dear."""
    repository = bare(tmp_path / "config.git")
    work = clone(repository, tmp_path / "work")
    head = commit(work, {"a": "a"})
    git(work, "push", "--quiet", "origin", "main")
    one = recorder(repository)

    def cost(numbers: range) -> float:
        took = []
        for number in numbers:
            begun = time.perf_counter()
            one.flush(status(head), [event(number)])
            took.append(time.perf_counter() - begun)
        return min(took)

    one.flush(status(head), [event(0, message="x" * 400) for _ in range(1)])
    small = cost(range(1, 6))
    one.flush(status(head), [event(number, message="x" * 200) for number in range(10, 20_010)])
    assert cost(range(30_000, 30_005)) < small * 10 + 0.02
