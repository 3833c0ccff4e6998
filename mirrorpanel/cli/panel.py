"""``panel``: who is in it, where one person's attributes come from, and a copy that may leave the house."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirrorpanel.cli.console import agree, show, show_json
from mirrorpanel.render.numbers import count, decimal, percent

if TYPE_CHECKING:
    from mirrorpanel.records import PanelRecord, TableRecord
    from mirrorpanel.verbs.composition import Fact

panel = typer.Typer(help="Panels: who is in them, and where everything comes from.", no_args_is_help=True)

Folder = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Named = Annotated[str | None, typer.Option("--panel", help="Its name; the only one where left out.")]
HERE = Path()


@panel.command("list")
def panel_list(workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Lists the panels of the workspace, the oldest first.

    Example: mirrorpanel panel list
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import composition

    with Workspace(workspace, read_only=True) as opened:
        found = composition.listing(opened)
    if as_json:
        panels = [asdict(one) | {"created": one.created.isoformat(timespec="seconds")} for one in found]
        show_json({"panels": panels})
        return
    if not found:
        show("No panel yet; make one: mirrorpanel ground")
        return
    wide = max(len(one.panel) for one in found)
    name = max(4, *(len(one.name) for one in found))
    show(f"{'name':<{name}}  {'identifier':<{wide}}  {'created (UTC)':<16}  {'persons':>9}  {'people':>9}")
    for one in found:
        show(
            f"{one.name:<{name}}  {one.panel:<{wide}}  {one.created:%Y-%m-%d %H:%M}  "
            f"{count(one.persons):>9}  {count(one.people):>9}"
        )


@panel.command("show")
def panel_show(
    name: Annotated[str | None, typer.Argument(help="The panel; the only one where left out.")] = None,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Shows a panel: its attributes and where they come from, and its shares against the margins.

    Example: mirrorpanel panel show spending
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import composition

    with Workspace(workspace, read_only=True) as opened:
        found, record = composition.composition(opened, name or composition.only(opened))
    if as_json:
        show_json({"panel": found, **record.model_dump(mode="json")})
        return
    for line in _lines(found, record):
        show(line)


@panel.command("explain")
def panel_explain(
    person: Annotated[str, typer.Argument(help="A simulated person, such as p0001.")],
    name: Named = None,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Explains one person: every attribute with its source, and how it is known.

    Example: mirrorpanel panel explain p0001
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import composition

    with Workspace(workspace, read_only=True) as opened:
        found, record = composition.composition(opened, name or composition.only(opened))
        facts = composition.explain(opened, found, person)
    known = {fact.attribute for fact in facts}
    unknown = [a for a in dict.fromkeys(p.attribute for p in record.provenance) if a not in known]
    if as_json:
        attributes = [asdict(fact) for fact in facts]
        tables = [table.model_dump(mode="json") for table in record.tables]
        show_json(
            {"panel": found, "person": person, "attributes": attributes, "unknown": unknown, "tables": tables}
        )
        return
    show(f"Person {person} of panel {found} (simulated)")
    for fact in facts:
        for line in _fact(fact, record.tables):
            show(line)
    if unknown:
        show(f"Unknown: {', '.join(unknown)}")


@panel.command("export")
def panel_export(
    name: Annotated[str | None, typer.Argument(help="The panel; the only one where left out.")] = None,
    out: Annotated[Path, typer.Option(help="CSV or Parquet file.")] = Path("panel.csv"),
    k: Annotated[int, typer.Option(help="How many real people share every combination of values.")] = 10,
    attribute: Annotated[
        list[str] | None, typer.Option(help="An attribute to write; all where left out. Repeatable.")
    ] = None,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Writes the persons to a file in which every combination of values is shared by k people or more.

    Example: mirrorpanel panel export --attribute age_group --attribute sex
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import composition

    with Workspace(workspace) as opened:
        found, _ = composition.composition(opened, name or composition.only(opened))
        done = composition.export(opened, found, out, k, attribute or [])
    if as_json:
        show_json({**asdict(done), "path": str(done.path), "synthetic": True})
        return
    show(
        f"{count(done.persons)} persons in {done.path}; every combination of values is shared by {done.k} "
        "people or more"
    )
    if done.blanked:
        show("Values blanked to get there: " + ", ".join(f"{a} {count(n)}" for a, n in done.blanked.items()))
    if done.left_out:
        show(f"Left out, since too few share even what is left: {count(done.left_out)} persons")
    for warning in done.warnings:
        show(f"Warning: {warning}")


@panel.command("delete")
def panel_delete(
    name: Annotated[str, typer.Argument(help="The panel: its identifier, or its name for the newest.")],
    workspace: Folder = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deletes a panel with everything made from it: people, persons, adapters, runs, reports and exports.

    Example: mirrorpanel panel delete spending-8604c29e
    """
    from mirrorpanel import removal
    from mirrorpanel.store import Workspace

    with Workspace(workspace) as opened:
        planned = removal.plan(opened, opened.latest("panels", "panel", name))
        what = (
            f"panel {planned.panel}: {count(planned.people)} people, {count(planned.persons)} persons, "
            f"{len(planned.runs)} runs, {len(planned.adapters)} adapters"
        )
        if not yes:
            agree(f"Delete {what}? This cannot be undone.")
        removal.carry_out(opened, planned)
    if as_json:
        show_json(asdict(planned))
        return
    show(f"Deleted: {what}, their reports and exports")
    for file in planned.outside:
        show(f"Not deleted, since it lies elsewhere: {file}")


def _lines(found: str, record: "PanelRecord") -> Sequence[str]:
    weighting = record.weighting
    made = "people" if record.spec.synthesis is None else "modelled people"
    lines = [
        f"Panel {found}: {count(record.persons)} persons from {count(record.people)} {made}",
        f"Weighting: design effect {decimal(weighting.design_effect)}, effective base "
        f"{count(weighting.effective_base)}",
        "",
        "Attributes",
    ]
    for entry in record.provenance:
        raked = f"; raked to {entry.raked}" if entry.raked else ""
        lines.append(f"  {entry.attribute:<22} {entry.kind:<9} {entry.source}{raked}")
    if weighting.margins or record.found.household_margins:
        lines += ["", f"  {'Shares':<44} {'official':>9} {'sample':>9} {'weighted':>9} {'base':>8}"]
    for cell in (*weighting.margins, *record.found.household_margins):
        label = f"{' × '.join(cell.attributes)}: {', '.join(cell.cell)}"
        lines.append(
            f"  {label:<44} {percent(cell.official):>9} {percent(cell.unweighted):>9} "
            f"{percent(cell.weighted):>9} {count(cell.base):>8}"
        )
    return lines


def _fact(fact: "Fact", tables: "Sequence[TableRecord]") -> Sequence[str]:
    vintage = f", {fact.vintage}" if fact.vintage else ""
    lines = [
        f"{fact.attribute}: {fact.value}",
        f"  {fact.kind}; {fact.source}{vintage}" + (f"; {fact.licence}" if fact.licence else ""),
        f"  {fact.method}",
    ]
    if fact.donor is not None:
        who = "customer" if fact.kind == "observed" else "donor"
        far = "" if fact.distance is None else f" at distance {decimal(fact.distance, 3)}"
        lines.append(f"  {who} {fact.donor}{far}")
    for table in tables:
        if table.name in fact.raked.split("; "):
            of = "; ".join(filter(None, (table.source, table.vintage, table.licence)))
            lines.append(f"  raked to {table.name}: {of}")
    if fact.seed is not None:
        lines.append(f"  seed {fact.seed}")
    if fact.sha256:
        lines.append(f"  sha256 {fact.sha256}")
    return lines
