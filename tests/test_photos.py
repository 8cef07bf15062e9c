import hashlib
import re

import numpy as np
import pytest

from course_lib import cifar_network, photos


def test_every_photograph_is_a_picture_of_its_own():
    loaded = {name: photos.load_photo(name) for name in photos.available_photos()}
    for name, photo in loaded.items():
        assert photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3, name
        assert min(photo.shape[:2]) >= 240 and photo.std() > 20, name
    digests = {hashlib.sha256(photo.tobytes()).hexdigest() for photo in loaded.values()}
    assert len(digests) == len(loaded) == 27


def test_the_goldfish_is_orange_and_the_caller_may_draw_on_it():
    red, green, blue = photos.load_photo("goldfish").astype(float).mean((0, 1))
    assert red > green > blue
    photos.load_photo("goldfish")[:] = 0
    assert photos.load_photo("goldfish").any()


def test_a_misspelt_name_gets_the_right_one_and_the_list():
    with pytest.raises(ValueError, match=r"Did you mean 'macaw'\?.*arch.*windmill"):
        photos.load_photo("macau")


def test_an_unknown_name_gets_the_list_without_a_guess():
    with pytest.raises(ValueError) as error:
        photos.load_photo("zzzzzz")
    assert "Did you mean" not in str(error.value) and "komodo_dragon" in str(error.value)


def test_a_photograph_missing_from_the_installation_says_how_to_get_it_back(monkeypatch, tmp_path):
    photos.photo_credits()
    monkeypatch.setattr(photos, "_FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"dog\.jpg is missing.*--force-reinstall"):
        photos.load_photo("dog")


def test_every_photograph_is_free_and_credited_to_author_and_source():
    for credit in photos.photo_credits():
        assert credit["licence"] in {"Public domain", "CC0 1.0"}, credit["name"]
        assert credit["author"] and credit["shows"], credit["name"]
        assert credit["source"].startswith(
            ("https://commons.wikimedia.org/wiki/File:", "https://scikit-image.org/")
        )


def test_the_labelled_photographs_show_classes_of_the_small_networks():
    labelled = photos.labelled_photos()
    assert len(labelled) >= 8 and set(labelled) <= set(photos.available_photos())
    assert set(labelled.values()) <= set(cifar_network.CLASSES)


def test_no_picture_is_bundled_without_its_credit():
    bundled = {path.name for path in photos._FOLDER.glob("*.jpg")}
    assert bundled == {credit["file"] for credit in photos.photo_credits()} - {""}


def test_changing_a_credit_does_not_change_the_next_answer():
    photos.photo_credits()[0]["author"] = "me"
    assert photos.photo_credits()[0]["author"] != "me"


def test_the_credits_table_shows_every_picture_with_its_words():
    table = photos.photo_credits_table().data
    assert len(re.findall(r'<img [^>]*alt="[^"]+"', table)) == 27
    for words in ("Kurt Kaiser", "Rachel Michetti", "Tranquilles_B%26B.JPG", "CC0 1.0"):
        assert words in table
    assert len(table) < 200_000
