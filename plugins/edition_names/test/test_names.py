import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from names import name, ordinal, self_test  # noqa: E402


class Names(unittest.TestCase):
    def test_language_and_edition_are_told(self):
        facts = {"title": "Emma", "authors": "Jane Austen", "language": "fr-FR"}
        self.assertEqual(name(facts, 3), "Emma (French, 3rd edition) - Jane Austen")
        self.assertEqual(name(facts, None), "Emma (French) - Jane Austen")

    def test_what_goes_without_saying_is_not_told(self):
        self.assertEqual(name({"title": "Emma", "language": "en-GB"}, 1), "Emma")
        self.assertEqual(name({"title": "", "book-id": "b-1"}, None), "b-1")

    def test_the_retailers_wish_comes_first(self):
        self.assertEqual(name({"title": "Emma", "file-name": "mine"}, 2), "mine")

    def test_ordinals(self):
        found = [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 21, 112)]
        self.assertEqual(found, ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "112th"])

    def test_the_self_test_passes(self):
        self.assertIsNone(self_test())


if __name__ == "__main__":
    unittest.main()
