"""What does a result look like in a shell?"""

import msgspec

from ruvector.model.points import Hit, Record


def test_a_hit_shows_its_payload_as_a_dict():
    hit = Hit(id="a", version=7, score=0.5, payload_json=msgspec.Raw(b'{"kind": "doc"}'))
    assert repr(hit) == "Hit(id='a', score=0.5, payload={'kind': 'doc'})"


def test_a_record_shows_only_what_it_has():
    assert repr(Record(id=1)) == "Record(id=1)"
