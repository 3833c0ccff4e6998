"""A study with personal data: consent, customers of a shop, a key, and ids that must be found nowhere."""

from pathlib import Path

import numpy as np
from own_study import done

PEOPLE = 240
SHOP = 60
BOOK = """\
source: customers, made up
questions:
  - {name: tea, text: "Do you like tea?", options: ['no', 'yes'], scale: nominal}
  - {name: coffee, text: "Do you like coffee?", options: ['no', 'yes'], scale: nominal}
"""
GROUND = """\
panel: kunden
persons: 200
seed: 1
survey:
  file: people.csv
  codebook: book.yaml
  id: customer
  attributes:
    age_group: {column: age, bins: {18-44: [18, 44], 45 and over: [45, 120]}}
    sex: {column: sex}
    area: {column: area}
  protection:
    controller: Kaffee GmbH
    legal_basis: consent, Art. 6(1)(a)
    purpose: simulated panel
    consent: {column: consent, values: ['yes']}
    retention: 2099-12-31
    ids: customer numbers
crm:
  - name: shop
    files: {customers: customers.csv, sales: sales.csv}
    people: customers
    key: number
    attributes:
      spend: {table: sales, measure: sum, of: price, up_to: {little: 20, much: null}}
    match:
      age:
        people: {column: age, bins: {18-44: [18, 44], 45 and over: [45, 120]}}
        customers: {column: age, values: {18-44: young, 45 and over: old}}
    protection:
      controller: Kaffee GmbH
      legal_basis: legitimate interest, Art. 6(1)(f)
      purpose: simulated panel
      consent: {column: newsletter, values: ['1']}
      retention: 2098-06-30
"""
STUDY = """\
study: tastes
panel: kunden
model: scripted
questions: all
segments: [age_group]
seed: 11
"""


def person(i: int) -> str:
    """The customer number of one of the people."""
    return f"KUNDE-{i:05d}"


def consent(i: int) -> str:
    """What is known of the consent: every tenth said no, every eleventh nothing."""
    return "no" if i % 10 == 3 else "" if i % 11 == 5 else "yes"


def consenting() -> list[str]:
    """Customer numbers of those who consented."""
    return [person(i) for i in range(PEOPLE) if consent(i) == "yes"]


def grounded(folder: Path) -> Path:
    """Writes the files and a workspace ``W`` beside them, with a key, and grounds the panel."""
    rng = np.random.default_rng(8)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["customer,name,mail,consent,age,sex,area,tea,coffee"]
    for i in range(PEOPLE):
        sex, area = (
            rng.choice(["female", "male"]),
            rng.choice(["city", "country", "isle"], p=[0.6, 0.38, 0.02]),
        )
        tea, coffee = rng.choice(["yes", "no"], size=2)
        lines.append(
            f"{person(i)},Erika Muster{i},e{i}@example.org,{consent(i)},{rng.integers(18, 90)},{sex},{area},"
            f"{tea},{coffee}"
        )
    customers = [f"LADEN-{i:04d},{('young', 'old')[i % 2]},{int(i % 5 > 0)}" for i in range(SHOP)]
    sales = [f"LADEN-{i % SHOP:04d},{rng.integers(1, 30)}" for i in range(3 * SHOP)]
    texts = {
        "people.csv": "\n".join(lines),
        "customers.csv": "\n".join(["number,age,newsletter", *customers]),
        "sales.csv": "\n".join(["number,price", *sales]),
        "book.yaml": BOOK,
        "grounding.yaml": GROUND,
        "study.yaml": STUDY,
    }
    for name, text in texts.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
    done("init", folder / "W", "--key", folder / "panel.key")
    done("ground", folder / "grounding.yaml", "-w", folder / "W")
    return folder


def reported(folder: Path) -> str:
    """Fields, validates and reports the study; returns the run."""
    workspace = folder / "W"
    run = done("field", folder / "study.yaml", "-w", workspace, "--json").json["run"]
    done("validate", "tastes", "--untuned-seconds", "0", "-w", workspace)
    done("report", "tastes", "-w", workspace)
    return str(run)
