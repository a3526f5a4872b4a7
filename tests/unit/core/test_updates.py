from __future__ import annotations

import pytest

from agent.core.edit import CannotEdit
from agent.core.inbound import InboundEvent, as_record, from_record
from agent.core.pins import PinEdit, Version
from agent.core.updates import Change, edit_workload, plan_update

WEB = "# kept by hand\nkind: Workload\nname: web\nsource:\n  kind: image\n  image: shop/web\n  tag: '1.4.2'   # pin\n"
API = WEB.replace("web", "api").replace("# kept by hand", "# also")


def change(name="web", path="workloads/all.yaml", tag="1.4.3", **more):
    given = {"triggers": ("ci",), "events": (f"event-{name}",), "text": f"shop/{name} 1.4.2 → {tag}"} | more
    edits = (PinEdit(pointer="/source/tag", value=tag, after="/source/image"),)
    return Change(workload=name, path=path, edits=edits, **given)


def planned(files, *changes):
    return plan_update(changes, lambda path: files[path].encode() if path in files else None, "edge-1")


def test_one_change_is_one_line_of_diff_and_one_line_of_message():
    update = planned({"workloads/web.yaml": WEB}, change(path="workloads/web.yaml"))
    assert update.files == {"workloads/web.yaml": WEB.replace("1.4.2", "1.4.3").encode()}
    assert update.message == (
        "web: shop/web 1.4.2 → 1.4.3\n\nPierhead-Trigger: ci\nPierhead-Event: event-web\nPierhead-Host: edge-1\n"
    )
    assert ([one.workload for one in update.made], update.refused) == (["web"], {})


def test_several_documents_of_one_file_are_each_found_by_name():
    update = planned({"workloads/all.yaml": f"{API}---\n{WEB}"}, change("web"), change("api", tag="1.5.0"))
    content = update.files["workloads/all.yaml"].decode()
    assert content == API.replace("1.4.2", "1.5.0") + "---\n" + WEB.replace("1.4.2", "1.4.3")


def test_several_files_are_one_commit():
    files = {"workloads/web.yaml": WEB, "workloads/api.yaml": API}
    changes = change("web", "workloads/web.yaml"), change("api", "workloads/api.yaml", events=("event-web", "two"))
    update = planned(files, *changes)
    assert sorted(update.files) == ["workloads/api.yaml", "workloads/web.yaml"]
    assert update.message == (
        "web: shop/web 1.4.2 → 1.4.3 and 1 more\n"
        "\n"
        "web: shop/web 1.4.2 → 1.4.3\n"
        "api: shop/api 1.4.2 → 1.4.3\n"
        "\n"
        "Pierhead-Trigger: ci\n"
        "Pierhead-Event: event-web\n"
        "Pierhead-Event: two\n"
        "Pierhead-Host: edge-1\n"
    )


def same(number):
    return change(f"w{number}", f"workloads/w{number}.yaml", text="shop/web 1 → 2", events=("one",))


@pytest.mark.parametrize(
    ("count", "subject", "body"),
    [
        (1, "w0: shop/web 1 → 2", 0),
        (3, "w0, w1, w2: shop/web 1 → 2", 0),
        (4, "w0 and 3 more: shop/web 1 → 2", 4),
        (50, "w0 and 49 more: shop/web 1 → 2", 50),
    ],
)
def test_the_same_new_version_of_many_workloads_is_said_once(count, subject, body):
    files = {f"workloads/w{number}.yaml": WEB.replace("web", f"w{number}") for number in range(count)}
    update = planned(files, *(same(number) for number in range(count)))
    lines = update.message.splitlines()
    assert lines[:2] == [subject, ""]
    assert len([line for line in lines if ": shop/web" in line]) - 1 == body
    assert lines[-3:] == ["Pierhead-Trigger: ci", "Pierhead-Event: one", "Pierhead-Host: edge-1"]
    assert lines[-4] == ""
    assert len(update.files) == count


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "the file of the workload, found none"),
        ({"workloads/all.yaml": API}, "the document of workload web, found none in this file"),
        ({"workloads/all.yaml": "kind: Registry\nname: web\n"}, "the document of workload web"),
        ({"workloads/all.yaml": "- a\n"}, "the document of workload web"),
        ({"workloads/all.yaml": f"{WEB}---\na: [\n"}, "workloads/all.yaml"),
        ({"workloads/all.yaml": WEB.replace("'1.4.2'", "!!int 1")}, "workloads/all.yaml"),
    ],
)
def test_what_cannot_be_edited_is_told_and_writes_nothing(files, why):
    update = planned(files, change())
    assert (update.files, update.message, update.made) == ({}, "", ())
    assert list(update.refused) == ["web"]
    assert why in update.refused["web"]
    assert update.refused["web"].startswith("workloads/all.yaml: ")


def test_what_is_refused_holds_up_no_other():
    files = {"workloads/all.yaml": WEB}
    update = planned(files, change("gone"), change("web"), change("api", "workloads/api.yaml"))
    assert [one.workload for one in update.made] == ["web"]
    assert sorted(update.refused) == ["api", "gone"]
    assert update.message.splitlines()[0] == "web: shop/web 1.4.2 → 1.4.3"
    assert "event-gone" not in update.message


def test_of_edits_that_belong_together_all_are_made_or_none():
    edits = (
        PinEdit(pointer="/source/tag", value="2", after="/source/image"),
        PinEdit(pointer="/env/A/b", value="c"),
    )
    broken = Change(workload="web", path="w.yaml", edits=edits, text="", triggers=(), events=())
    update = planned({"w.yaml": WEB}, broken)
    assert (update.files, list(update.refused)) == ({}, ["web"])


def test_a_version_that_is_written_already_changes_no_file():
    update = planned({"workloads/all.yaml": WEB}, change(tag="1.4.2"))
    assert (update.files, [one.workload for one in update.made]) == ({}, ["web"])


def test_nothing_to_change_is_no_update():
    update = planned({})
    assert (update.files, update.message, update.made, update.refused) == ({}, "", (), {})


def test_the_file_is_read_once_whatever_the_number_of_changes():
    read = []

    def reading(path):
        read.append(path)
        return f"{API}---\n{WEB}".encode()

    plan_update([change("web"), change("api")], reading, "edge-1")
    assert read == ["workloads/all.yaml"]


def test_the_document_of_a_workload_is_edited_by_its_name():
    edited = edit_workload(f"{API}---\n{WEB}".encode(), "web", change().edits).decode()
    assert edited == f"{API}---\n{WEB.replace('1.4.2', '1.4.3')}"
    with pytest.raises(CannotEdit, match="workload none"):
        edit_workload(WEB.encode(), "none", ())


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (InboundEvent(type="image_push", image="a/b", image_tag="1", digest="sha256:c"), "image a/b:1"),
        (InboundEvent(type="image_push", image="a/b", digest="sha256:c"), "image a/b@sha256:c"),
        (InboundEvent(type="image_push"), "image ?:?"),
        (
            InboundEvent(type="git_push", repo="a/b", branch="main", commit="c" * 40),
            f"push to main of a/b at {'c' * 12}",
        ),
        (InboundEvent(type="git_push", ref="refs/x"), "push to refs/x of ?"),
        (InboundEvent(type="tag_push", repo="a/b", tag="v1"), "tag v1 of a/b"),
        (InboundEvent(type="manual"), "fired by hand"),
        (InboundEvent(type="manual", subject="Ada"), "fired by hand by Ada"),
        (InboundEvent(type="log_match", subject="oom"), "log line: oom"),
        (InboundEvent(type="log_match"), "log line: ?"),
        (InboundEvent(type="tick"), "tick"),
    ],
)
def test_an_event_in_a_few_words(event, text):
    assert event.text == text


@pytest.mark.parametrize("paths", [None, (), ("a", "b/c")])
def test_an_event_is_kept_whole(paths):
    event = InboundEvent(type="git_push", repo="a/b", changed_paths=paths, subject="s")
    assert from_record(as_record(event)) == event
    assert from_record(as_record(event) | {"of_a_later_version": 1}) == event
    assert from_record({"type": "ping"}) == InboundEvent(type="ping")
    assert "subject" not in event.as_dict()
    assert len(event.as_dict()) == 12


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (Version(tag="1", digest="d", revision="r"), "1"),
        (Version(digest="d", revision="r"), "r"),
        (Version(digest="d"), "d"),
        (Version(), "no version"),
    ],
)
def test_a_version_in_a_word(version, text):
    assert version.text == text
