"""More mails of the sandbox: what a small company gets on a working day, so that the gallery has something to work on."""

# ruff: noqa: E501 - prose

from __future__ import annotations

from integrations.gmail.letters import NEW, Letter

BUSINESS: tuple[Letter, ...] = (
    Letter(
        key="lead-warehouse",
        sender="Clara Mendes <clara.mendes@hafen-logistik.example>",
        subject="Do you have a plan for 40 people?",
        hours_ago=26,
        text="Hello,\n\nwe run a warehouse with 40 people on three shifts and look for a tool to hand over orders. "
        "Your Team plan says up to 25. Is there a price for 40, and can we pay once a year?\n\n"
        "We would like to decide by the end of next week.\n\nClara Mendes\nHafen Logistik",
        labels=(*NEW, "Leads"),
    ),
    Letter(
        key="lead-demo",
        sender="Yusuf Aydin <yusuf@aydin-partner.example>",
        subject="Demo next week?",
        hours_ago=29,
        text="Hi,\n\na colleague at Northwind recommended you. Could somebody show us the export in 20 minutes, "
        "Tuesday or Wednesday afternoon? We are six people and do the books for twelve shops.\n\nBest\nYusuf Aydin",
        labels=(*NEW, "Leads"),
    ),
    Letter(
        key="support-month",
        sender="Petra Novak <petra.novak@atelier-novak.example>",
        subject="How do I export only one month?",
        hours_ago=33,
        text="Good morning,\n\nthe export gives me the whole year. Is there a way to export only one month? "
        "My accountant wants January alone.\n\nThank you\nPetra Novak",
        labels=(*NEW, "Support"),
    ),
    Letter(
        key="support-link",
        sender="Daniel Osei <daniel.osei@greenroof.example>",
        subject="The sign-in link does not arrive",
        hours_ago=38,
        text="Hello support,\n\nI asked for a sign-in link three times since yesterday and got none. I looked into the "
        "spam folder too. My address is daniel.osei@greenroof.example. Can you help?\n\nDaniel Osei",
        labels=(*NEW, "Support"),
    ),
    Letter(
        key="invoice-chairs",
        sender="Stuhl & Tisch <rechnung@stuhl-tisch.example>",
        subject="Invoice 88-204: office chairs",
        hours_ago=50,
        text="Dear customer,\n\nthank you for your order of four office chairs.\n\nInvoice 88-204\nNet: 346.64 EUR\n"
        "Total: 412.50 EUR\nPay by: 30 days after delivery\n\nStuhl & Tisch",
        labels=(*NEW, "Billing"),
    ),
    Letter(
        key="application-lena",
        sender="Lena Brandt <lena.brandt@post.example>",
        subject="Application: support engineer",
        hours_ago=52,
        text="Dear Ms Lindqvist,\n\nI apply for the position of support engineer.\n\nName: Lena Brandt\n"
        "Experience: five years of support for a booking system, two of them leading a team of four\n"
        "Skills: SQL, Python, Linux, writing help pages, patience with angry people\nLanguages: German, English, French\n"
        "Available: from 1 April\n\nIn my last position I halved the time to a first answer by writing forty help pages "
        "and by sorting mail before anybody read it. I would like to do the same for you.\n\nKind regards\nLena Brandt",
        labels=(*NEW, "Applications"),
    ),
    Letter(
        key="application-victor",
        sender="Victor Hale <victor.hale@post.example>",
        subject="Application for the open position",
        hours_ago=57,
        text="Hello,\n\nName: Victor Hale\nExperience: none yet, I learn fast\nSkills: typing\nAvailable: now\n\nVictor",
        labels=(*NEW, "Applications"),
    ),
)
