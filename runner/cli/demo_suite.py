"""The demo's project, file by file: a little shop whose tests pass, fail, crawl, crash, hang and waver.

unittest only, so that any Python can run it.
"""

from __future__ import annotations

SHOP = '''\
"""A little shop."""


def total(prices, discount=0):
    """Return what a basket costs, in cents."""
    return sum(prices) * (100 - discount) // 100


def receipt(basket):
    """Return a receipt as a dict."""
    return {
        "items": [name for name, _ in basket],
        "total": total([price for _, price in basket]),
        "currency": "EUR",
        "lines": len(basket),
    }
'''

BASKET = '''\
import time
import unittest

import shop


class BasketTest(unittest.TestCase):
    """Many quick tests: the bread and butter of a suite."""


def _add(number):
    def test(self):
        time.sleep(0.02 + number % 7 * 0.02)
        self.assertEqual(number * 100, shop.total([100] * number))

    setattr(BasketTest, "test_%03d_articles" % number, test)


for number in range(90):
    _add(number)


class DiscountTest(unittest.TestCase):
    def test_half_price(self):
        self.assertEqual(50, shop.total([100], discount=50))

    def test_every_discount(self):
        for discount in range(0, 101, 10):
            with self.subTest(discount=discount):
                self.assertEqual(100 - discount, shop.total([100], discount))

    def test_more_than_everything(self):
        # A bug of the shop: nobody stops a discount of 120 %.
        self.assertGreaterEqual(shop.total([1000], discount=120), 0)

    @unittest.skip("vouchers come next year")
    def test_vouchers(self):
        pass

    @unittest.expectedFailure
    def test_fractions_of_a_cent(self):
        self.assertEqual(33.3, shop.total([100], discount=66.7))
'''

RECEIPT = """\
import logging
import sys
import time
import unittest

import shop

BASKET = [("tea", 350), ("milk", 120), ("sugar", 90)]


class ReceiptTest(unittest.TestCase):
    def test_receipt(self):
        print("printing a receipt for %d articles" % len(BASKET))
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        logging.warning("the printer is low on paper")
        self.assertEqual(
            {"items": ["tea", "milk", "sugar"], "total": 560, "currency": "CHF", "lines": 4},
            shop.receipt(BASKET),
        )

    def test_order_of_lines(self):
        time.sleep(0.3)
        self.assertEqual(["tea", "milk", "sugar"], shop.receipt(BASKET)["items"])

    def test_empty_receipt(self):
        self.assertEqual(0, shop.receipt([])["total"])

    def test_receipt_of_nothing(self):
        shop.receipt(None)
"""

WAREHOUSE = '''\
import sys
import time
import unittest


def say(text):
    print("%s %s" % (time.strftime("%H:%M:%S"), text), flush=True)


def setUpModule():
    say("INFO unlocking the yard")
    time.sleep(0.3)


class WarehouseTest(unittest.TestCase):
    """All of these share one dear fixture, whose log grows while it starts."""

    @classmethod
    def setUpClass(cls):
        for step in range(12):
            say("INFO warehouse: opening gate %d of 12" % (step + 1))
            if step == 7:
                say("WARNING warehouse: gate 8 is stuck, pushing")
                time.sleep(0.6)
            time.sleep(0.12)

    @classmethod
    def tearDownClass(cls):
        say("INFO warehouse: closing")
        time.sleep(0.2)

    def test_store(self):
        time.sleep(0.2)

    def test_fetch(self):
        time.sleep(0.2)

    def test_count(self):
        time.sleep(0.1)


class InventoryTest(unittest.TestCase):
    def test_count_everything(self):
        """A slow one: watch its bar."""
        for shelf in range(40):
            say("INFO counting shelf %d of 40" % (shelf + 1))
            time.sleep(0.1)

    def test_recount(self):
        for shelf in range(20):
            say("INFO recounting shelf %d" % (shelf + 1))
            time.sleep(0.1)


class BurntWarehouseTest(unittest.TestCase):
    """Its fixture fails: one cause, many victims."""

    @classmethod
    def setUpClass(cls):
        say("ERROR warehouse: the door does not open")
        raise RuntimeError("the warehouse burnt down")

    def test_store(self):
        pass

    def test_fetch(self):
        pass
'''

PAYMENT = '''\
import ctypes
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class PaymentTest(unittest.TestCase):
    def test_card(self):
        time.sleep(0.2)

    def test_cash(self):
        pass

    def test_card_reader(self):
        """Flaky: fails every other time."""
        mark = os.path.join(HERE, "reader-%d.%d" % sys.version_info[:2])
        if os.path.exists(mark):
            os.remove(mark)
            return
        open(mark, "w").close()
        self.fail("the card reader did not answer")

    def test_bank_hangs_up(self):
        """Crashes its worker; the others go on."""
        print("calling the bank ...", flush=True)
        ctypes.string_at(0)

    def test_bank_never_answers(self):
        """Hangs until the time limit of testlanes.toml."""
        print("waiting for the bank ...", flush=True)
        while True:
            time.sleep(1)
'''


def files(profiles: dict[str, str]) -> dict[str, str]:
    """Return the project: path -> text. ``profiles`` are name -> interpreter."""
    # Its tests sleep more than they work: six lanes are no burden to any machine.
    settings = ['framework = "unittest"', "concurrency = 6", "timeout = 5", "slow_after = 2", ""]
    for name, python in profiles.items():
        settings += [f"[profiles.{name}]", f"python = {python!r}", ""]
    return {
        "testlanes.toml": "\n".join(settings),
        "shop.py": SHOP,
        "test_basket.py": BASKET,
        "test_payment.py": PAYMENT,
        "test_receipt.py": RECEIPT,
        "test_warehouse.py": WAREHOUSE,
    }
