"""Recipes over REST: list, read, write, rename, delete, and no lost update."""

from __future__ import annotations

import json
import threading

import pytest

from tests.server.documents import recipe
from tests.server.jupyter import address

NEW = {"If-None-Match": "*"}
PATH = "capital.mech.json"


def put(jupyter, path=PATH, document=None, headers=NEW):
    document = recipe() if document is None else document
    return jupyter.http.put(address(path), json=document, headers=headers)


def test_what_was_written_is_read(jupyter, root):
    written = put(jupyter)
    assert written.status_code == 201
    read = jupyter.http.get(address(PATH))
    assert read.status_code == 200
    assert read.json()["document"] == recipe()
    assert read.json()["valid"]
    assert read.headers["ETag"] == written.headers["ETag"] == read.json()["etag"]
    assert json.loads((root / PATH).read_text("utf-8")) == recipe()


def test_the_version_that_is_known_is_not_sent_again(jupyter, root):
    etag = put(jupyter).headers["ETag"]
    again = jupyter.http.get(address(PATH), headers={"If-None-Match": etag})
    assert again.status_code == 304


def test_the_list_is_by_path_and_leaves_out_what_is_no_recipe(jupyter, root):
    (root / "deep" / "er").mkdir(parents=True)
    (root / "node_modules").mkdir()
    for path in ("b.mech.json", "a.mech.json", "deep/er/c.mech.json"):
        assert put(jupyter, path).status_code == 201
    (root / "notes.json").write_text("{}")
    (root / ".mech.json").write_text("{}")
    (root / ".hidden.mech.json").write_text("{}")
    (root / "node_modules" / "d.mech.json").write_text("{}")
    (root / "folder.mech.json").mkdir()
    listed = jupyter.http.get("/recipes").json()
    assert [each["path"] for each in listed["recipes"]] == [
        "a.mech.json",
        "b.mech.json",
        "deep/er/c.mech.json",
    ]
    assert listed["complete"]
    below = jupyter.http.get("/recipes", params={"folder": "deep"}).json()
    assert [each["path"] for each in below["recipes"]] == ["deep/er/c.mech.json"]
    assert jupyter.http.get("/recipes", params={"folder": "nowhere"}).status_code == 404


def test_limits_of_a_search_are_told(jupyter, root, monkeypatch):
    for name in "abc":
        put(jupyter, f"{name}.mech.json")
    monkeypatch.setattr(jupyter.ours, "max_listed", 2)
    listed = jupyter.http.get("/recipes").json()
    assert len(listed["recipes"]) == 2
    assert not listed["complete"]
    (root / "deep").mkdir()
    monkeypatch.setattr(jupyter.ours, "max_listed", 10)
    monkeypatch.setattr(jupyter.ours, "max_depth", 0)
    assert not jupyter.http.get("/recipes").json()["complete"]


def test_a_change_must_name_the_version_it_was_made_from(jupyter, root):
    put(jupyter)
    for refused in (
        put(jupyter, headers={}),
        put(jupyter, headers={"If-Match": "*", "If-None-Match": "*"}),
        jupyter.http.patch(address(PATH), json={"path": "other.mech.json"}),
        jupyter.http.delete(address(PATH)),
    ):
        assert refused.status_code == 428
        assert "ETag" in refused.json()["error"]["hint"]


def test_a_newer_version_is_not_written_over(jupyter, root):
    etag = put(jupyter).headers["ETag"]
    (root / PATH).write_text(json.dumps(recipe(title="theirs")))
    mine = put(jupyter, document=recipe(title="mine"), headers={"If-Match": etag})
    assert mine.status_code == 412
    stored = jupyter.http.get(address(PATH))
    assert stored.json()["document"]["title"] == "theirs"
    assert mine.json()["etag"] == stored.headers["ETag"]
    assert put(jupyter).status_code == 412  # "a new one", and there is one
    retried = put(jupyter, document=recipe(title="mine"), headers={"If-Match": mine.json()["etag"]})
    assert retried.status_code == 200


def test_of_two_writers_at_once_one_is_told(jupyter, root):
    etag = put(jupyter).headers["ETag"]
    barrier, answers = threading.Barrier(6), []

    def write(nth):
        barrier.wait()
        answers.append(put(jupyter, document=recipe(title=str(nth)), headers={"If-Match": etag}))

    writers = [threading.Thread(target=write, args=(nth,)) for nth in range(6)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert sorted(each.status_code for each in answers) == [200, 412, 412, 412, 412, 412]
    (won,) = (each for each in answers if each.status_code == 200)
    assert jupyter.http.get(address(PATH)).headers["ETag"] == won.headers["ETag"]


def test_renaming_keeps_the_recipe_and_takes_no_others_place(jupyter, root):
    (root / "old").mkdir()
    etag = put(jupyter).headers["ETag"]
    put(jupyter, "taken.mech.json")

    def rename(to, etag=etag):
        headers = {"If-Match": etag}
        return jupyter.http.patch(address(PATH), json={"path": to}, headers=headers)

    assert rename("taken.mech.json").status_code == 409
    assert rename("nowhere/x.mech.json").status_code == 404
    assert rename("old/moved.mech.json", '"stale"').status_code == 412
    moved = rename("old/moved.mech.json")
    assert moved.status_code == 200
    assert moved.headers["ETag"] == etag
    assert not (root / PATH).exists()
    assert jupyter.http.get(address("old/moved.mech.json")).json()["document"] == recipe()
    assert rename("again.mech.json").status_code == 404


def test_deleting_needs_the_version_too(jupyter, root):
    etag = put(jupyter).headers["ETag"]
    stale = jupyter.http.delete(address(PATH), headers={"If-Match": '"stale"'})
    assert stale.status_code == 412
    assert (root / PATH).exists()
    assert jupyter.http.delete(address(PATH), headers={"If-Match": etag}).status_code == 204
    assert not (root / PATH).exists()
    assert jupyter.http.delete(address(PATH), headers={"If-Match": "*"}).status_code == 404


def test_what_is_no_recipe_is_not_written(jupyter, root):
    refused = put(jupyter, document=recipe(interventions=[{"enabled": "yes"}]))
    assert refused.status_code == 422
    assert any("enabled" in each["path"] for each in refused.json()["problems"])
    assert not (root / PATH).exists()


def test_an_older_version_is_kept_as_it_is(jupyter, root):
    old = {"format": "mechwidget-recipe", "version": 1, "model": "microcosm"}
    old |= {"prompt": "the cat", "interventions": []}
    assert put(jupyter, document=old).status_code == 201
    read = jupyter.http.get(address(PATH)).json()
    assert read["document"] == old
    assert (read["version"], read["valid"]) == (1, True)


def test_unknown_fields_survive(jupyter, root):
    document = recipe() | {"of somebody else": {"deep": [1, None, "é\u2028"]}}
    assert put(jupyter, document=document).status_code == 201
    assert jupyter.http.get(address(PATH)).json()["document"] == document


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b"\xff\xfe{}", 422),
        (b'{"a": NaN}', 422),
        (b'{"a": 1, "a": 2}', 422),
        (b"[" * 100_000, 422),
        (b"", 422),
    ],
)
def test_a_file_that_is_no_recipe_is_told_in_a_sentence(jupyter, root, content, status):
    (root / PATH).write_bytes(content)
    read = jupyter.http.get(address(PATH))
    assert read.status_code == status
    error = read.json()["error"]
    assert error["type"] == "not_a_recipe"
    assert PATH in error["message"]
    assert str(root) not in read.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'{"a": Infinity}', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json", 400),
        (b'{"a":' * 200_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"", "application/json", 400),
    ],
)
def test_a_body_that_is_no_object_is_told_in_a_sentence(jupyter, root, body, kind, status):
    headers = {"Content-Type": kind, **NEW}
    refused = jupyter.http.put(address(PATH), content=body, headers=headers)
    assert refused.status_code == status
    assert not (root / PATH).exists()
