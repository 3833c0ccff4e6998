"""One small survey about coffee in every kind of file that docs/sources.md is about."""

import json
from pathlib import Path

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pyreadstat

ROWS = 300
IMPORTANCE = {
    1.0: "überhaupt nicht wichtig",
    2.0: "eher nicht wichtig",
    3.0: "eher wichtig",
    4.0: "sehr wichtig",
    9.0: "weiß nicht",
}
TEXTS = {
    "id": "Laufende Nummer",
    "age": "Alter in Jahren",
    "sex": "Geschlecht",
    "w": "Designgewicht",
    "taste": "Wie wichtig ist Ihnen der Geschmack?",
    "price": "Wie wichtig ist Ihnen ein niedriger Preis?",
    "q3_1": "Wo kaufen Sie Kaffee? Im Supermarkt",
    "q3_2": "Wo kaufen Sie Kaffee? In der Rösterei",
}
SEX = {1.0: "weiblich", 2.0: "männlich"}
YES_NO = {0.0: "nicht genannt", 1.0: "genannt"}
LABELS = {"sex": SEX, "taste": IMPORTANCE, "price": IMPORTANCE, "q3_1": YES_NO, "q3_2": YES_NO}


def people() -> pd.DataFrame:
    """The rows, with codes as statistics programs hold them."""
    rng = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "id": np.arange(1.0, ROWS + 1),
            "age": rng.integers(18, 80, ROWS).astype(float),
            "sex": rng.integers(1, 3, ROWS).astype(float),
            "w": rng.choice([0.5, 1.0, 1.75], ROWS),
            "taste": rng.choice([1.0, 2.0, 3.0, 4.0, 9.0], ROWS, p=[0.05, 0.15, 0.4, 0.35, 0.05]),
            "price": rng.choice([1.0, 2.0, 3.0, 4.0, 9.0], ROWS, p=[0.1, 0.3, 0.35, 0.2, 0.05]),
            "q3_1": rng.integers(0, 2, ROWS).astype(float),
            "q3_2": rng.integers(0, 2, ROWS).astype(float),
        }
    )


def text(decimal: str = ".") -> list[list[str]]:
    """Header and rows as text."""
    rows = people()
    cells = [[f"{cell:g}".replace(".", decimal) for cell in row] for row in rows.itertuples(index=False)]
    return [list(rows.columns), *cells]


def write(folder: Path) -> None:
    """Every file of the page, and the customers and receipts beside them."""
    table = people()
    header, *rows = text(",")
    named = [[*row[:2], SEX[float(row[2])], *row[3:]] for row in rows]
    german = "".join(";".join(row) + "\r\n" for row in [header, *named])
    (folder / "coffee.csv").write_bytes(german.encode("cp1252"))
    _excel(folder / "coffee.xlsx")
    options = {"column_labels": TEXTS, "variable_value_labels": LABELS}
    missing = {"taste": [9.0], "price": [9.0]}
    pyreadstat.write_sav(table, folder / "coffee.sav", missing_ranges=missing, **options)
    pyreadstat.write_dta(table, folder / "coffee.dta", **options)
    duckdb.from_df(table).write_parquet(str(folder / "coffee.parquet"))
    with duckdb.connect(str(folder / "coffee.duckdb")) as connection:
        connection.register("found", table)
        connection.execute("CREATE TABLE survey AS SELECT * FROM found")
    _qualtrics(folder)
    _customers(folder)


def _excel(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Daten")
    sheet.append(["Kaffee-Umfrage 2026"])
    sheet.append([])
    header, *rows = text()
    sheet.append(header)
    for row in rows:
        sheet.append([float(cell) for cell in row])
    book.save(path)


def _qualtrics(folder: Path) -> None:
    header, *rows = text()
    ids = [json.dumps({"ImportId": f"QID{i}"}) for i in range(len(header))]
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in ids]
    lines = [",".join(header), ",".join(TEXTS.values()), ",".join(quoted), *(",".join(row) for row in rows)]
    (folder / "responses.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    questions = [
        {
            "Element": "SQ",
            "Payload": {
                "QuestionID": f"QID{header.index(name)}",
                "DataExportTag": name,
                "QuestionType": "MC",
                "Selector": "SAVR",
                "QuestionText": f"<b>{TEXTS[name]}</b>",
                "Choices": {str(int(code)): {"Display": label} for code, label in LABELS[name].items()},
                "ChoiceOrder": [str(int(code)) for code in LABELS[name]],
            },
        }
        for name in ("taste", "price")
    ]
    (folder / "survey.qsf").write_text(json.dumps({"SurveyElements": questions}), encoding="utf-8")


def _customers(folder: Path) -> None:
    rng = np.random.default_rng(12)
    cards = [f"{number},{('gold', 'basic')[number % 2]}" for number in range(1, ROWS + 1)]
    (folder / "customers.csv").write_text("\n".join(["customer,card", *cards]) + "\n")
    who, month, spent = rng.integers(1, ROWS + 1, 2000), rng.integers(1, 13, 2000), rng.gamma(2, 8, 2000)
    bought = [f"{w},2026-{m:02d}-15,{s:.2f}" for w, m, s in zip(who, month, spent, strict=True)]
    (folder / "receipts.csv").write_text("\n".join(["customer,day,amount", *bought]) + "\n")
