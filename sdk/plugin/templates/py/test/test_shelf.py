import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from shelf import path, self_test  # noqa: E402


class Shelf(unittest.TestCase):
    def test_an_isbn_of_the_publisher_has_a_folder(self):
        for isbn in ["9783161484100", "978-3-16-148410-0"]:
            self.assertEqual(path("ISBN", isbn, "978316"), "isbn/978316/9783161484100")

    def test_others_have_none(self):
        for isbn in ["9780306406157", "9783161484109", "", "../../etc/passwd"]:
            self.assertIsNone(path("ISBN", isbn, "978316"))
        self.assertIsNone(path("DOI", "9783161484100", "978316"))

    def test_the_self_test_passes(self):
        self.assertIsNone(self_test())


if __name__ == "__main__":
    unittest.main()
