"""Only the wanted members of a zip, and nowhere else."""

from __future__ import annotations

import stat
import zipfile

import pytest

from trainables.data import DamagedDataError, DataFile
from trainables.data.archive import extract, holds

WANTED = DataFile("wanted.txt", max_bytes=1000)


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "deep" / "into").mkdir(parents=True)
    return tmp_path, tmp_path / "deep" / "into"


def make_zip(file, *members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, content in members:
            made.writestr(name, content)
    return file


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_only_the_wanted_member_is_extracted_wherever_it_lies_inside(folders):
    top, into = folders
    archive = make_zip(
        top / "a.zip", ("readme.html", "x"), ("some folder/wanted.txt", "hello"), ("b/", "")
    )
    assert holds(archive, [WANTED])
    extract(archive, [WANTED], into)
    assert files_below(top) == ["a.zip", "deep/into/wanted.txt"]
    assert (into / "wanted.txt").read_text() == "hello"


@pytest.mark.parametrize(
    "path",
    [
        "../wanted.txt",
        "../../wanted.txt",
        "a/../../wanted.txt",
        "/tmp/wanted.txt",
        "..\\wanted.txt",
        "C:/wanted.txt",
    ],
)
def test_a_wanted_member_on_a_path_that_leads_out_is_refused(folders, path):
    top, into = folders
    archive = make_zip(top / "a.zip", (path, "evil"))
    with pytest.raises(DamagedDataError, match=r"leads out of the archive\.$"):
        extract(archive, [WANTED], into)
    assert files_below(top) == ["a.zip"]


def test_other_members_on_paths_that_lead_out_are_not_written(folders):
    top, into = folders
    archive = make_zip(top / "a.zip", ("../../evil.txt", "evil"), ("wanted.txt", "good"))
    extract(archive, [WANTED], into)
    assert files_below(top) == ["a.zip", "deep/into/wanted.txt"]


def test_a_link_is_refused(folders):
    top, into = folders
    archive = top / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        link = zipfile.ZipInfo("wanted.txt")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
    with pytest.raises(DamagedDataError, match=r"'wanted\.txt' is a link, not a file\.$"):
        extract(archive, [WANTED], into)
    assert files_below(top) == ["a.zip"]


def test_a_member_larger_than_declared_is_refused_while_it_is_written(folders):
    top, into = folders
    archive = make_zip(top / "a.zip", ("wanted.txt", b"0" * 5_000_000))
    with pytest.raises(DamagedDataError) as caught:
        extract(archive, [WANTED], into)
    assert str(caught.value) == f"{archive}/wanted.txt: is larger than 1,000 bytes."


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_missing_or_double_member_is_named(folders):
    top, into = folders
    with pytest.raises(DamagedDataError, match=r"none\.zip: wanted\.txt is not in the zip\.$"):
        extract(make_zip(top / "none.zip", ("other.txt", "")), [WANTED], into)
    double = make_zip(top / "two.zip", ("wanted.txt", "1"), ("b/wanted.txt", "2"))
    with pytest.raises(DamagedDataError, match=r"two\.zip: wanted\.txt is in the zip 2 times\.$"):
        extract(double, [WANTED], into)


def test_a_zip_damaged_at_any_byte_gives_the_content_or_a_named_error(folders):
    top, into = folders
    content = b"".join(b"%d " % i for i in range(200))
    good = make_zip(top / "good.zip", ("wanted.txt", content)).read_bytes()
    archive = top / "bad.zip"
    refused = 0
    for at in range(len(good)):
        for damaged in (good[:at], good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :]):
            archive.write_bytes(damaged)
            (into / "wanted.txt").unlink(missing_ok=True)
            try:
                extract(archive, [WANTED], into)
            except DamagedDataError as error:
                assert str(error).startswith(f"{archive}")  # noqa: PT017  # some flips do no harm
                refused += 1
            else:
                assert (into / "wanted.txt").read_bytes() == content
    assert refused > len(good)  # every cut, and most flips
