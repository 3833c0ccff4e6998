import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.privacy.pseudonyms import Pseudonymiser, is_pseudonym, new_key, renewed

KEY = bytes(range(32))


def test_a_pseudonym_is_the_keyed_hmac_of_namespace_and_id():
    expected = hmac.new(KEY, b"crm\x00C-1", hashlib.sha256).hexdigest()[:20]
    assert Pseudonymiser(KEY).pseudonym("crm", "C-1") == "k" + expected


def test_the_hmac_is_that_of_the_standard():
    # RFC 4231, test case 2, whose key is too short for pseudonyms; the digest under the hood is the same.
    found = hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256").hex()
    assert found == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@given(st.text(), st.text())
def test_other_ids_namespaces_and_keys_give_other_pseudonyms(first, second):
    one = Pseudonymiser(KEY)
    assert (one.pseudonym("a", first) == one.pseudonym("a", second)) == (first == second)
    assert one.pseudonym("a", first) != one.pseudonym("b", first)
    assert one.pseudonym("a", first) != Pseudonymiser(new_key()).pseudonym("a", first)
    assert is_pseudonym(one.pseudonym("a", first))


def test_no_plain_hash_of_the_id_is_a_pseudonym():
    made = Pseudonymiser(KEY).pseudonym("", "12345")
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        assert made[1:] not in hashlib.new(name, b"12345").hexdigest()


def test_a_chain_of_keys_is_the_first_renewed_by_the_second():
    first, second = new_key(), new_key()
    before = Pseudonymiser(first).pseudonyms("crm", ["1", "2"])
    assert Pseudonymiser(first, second).pseudonyms("crm", ["1", "2"]) == renewed(before, second)
    checks = {
        Pseudonymiser(first).check,
        Pseudonymiser(first, second).check,
        Pseudonymiser(second, first).check,
    }
    assert len(checks) == 3


def test_a_namespace_cannot_run_into_the_id():
    with pytest.raises(ValueError, match="holds no NUL"):
        Pseudonymiser(KEY).pseudonym("a\0b", "c")


@pytest.mark.parametrize("keys", [(), (b"short",), (KEY, b"")])
def test_no_key_or_a_short_one_is_refused(keys):
    with pytest.raises(ValueError, match="16 bytes or more"):
        Pseudonymiser(*keys)


@pytest.mark.parametrize("text", ["k123", "K" + "0" * 20, "k" + "g" * 20, "0" * 21, "k" + "0" * 21])
def test_other_texts_are_no_pseudonyms(text):
    assert not is_pseudonym(text)
