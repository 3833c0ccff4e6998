"""A loopback server that answers as Eurostat's SDMX 2.1 service does, and counts what it was asked.

The answers are written by hand in the form of Eurostat's own: structures and data as in the files ESTAT/* of
the repository khaeru/sdmx-test-data (recorded from the service in 2022 and 2023), faults as its page on the
asynchronous API quotes them. None was recorded for these tests, which have no internet.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape, quoteattr

SCHEMAS = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"
STRUCTURE_TYPE = "application/vnd.sdmx.structure+xml;version=2.1"
DATA_TYPE = "application/vnd.sdmx.structurespecificdata+xml;version=2.1"
XML = "application/xml"

TOO_BIG = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>413</faultcode>'
    "<faultstring>EXTRACTION_TOO_BIG: The requested extraction is too big, estimated 420709314 rows, max "
    "authorised is 5000000, please change your filters to reduce the extraction size</faultstring></S:Fault>"
)
NOT_FOUND = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>100</faultcode>'
    "<faultstring>ERR_NOT_FOUND_4: The requested dataset is not available.</faultstring></S:Fault>"
)
LATER = (
    '<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/">'
    '<env:Header/><env:Body><ns0:syncResponse xmlns:ns0="http://estat.ec.europa.eu/disschain/soap/extraction">'
    "<processingTime>1500</processingTime><queued><id>84a1b9cd-c2a1-4a4e-8d4c-0f3a1f0a6b1f</id>"
    "<status>SUBMITTED</status></queued></ns0:syncResponse></env:Body></env:Envelope>"
)


FLAGS = {
    "b": "break in time series",
    "c": "confidential",
    "u": "low reliability",
    "bu": "break, low reliability",
}


@dataclass
class Reply:
    """One answer: HTTP status, content type, body, and seconds that it takes."""

    body: str
    status: int = 200
    kind: str = XML
    wait: float = 0.0


@dataclass
class Recorded:
    """The server's address, what it answers to requests for structures and data, and what it was asked."""

    url: str
    dataflow: Reply
    data: Reply
    asked: list[str] = field(default_factory=list)

    def questions(self, kind: str) -> list[str]:
        return [path for path in self.asked if path.startswith(f"/{kind}/")]


@contextmanager
def serving(dataflow: Reply, data: Reply) -> Iterator[Recorded]:
    recorded = Recorded("", dataflow, data)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: recorded))
    server.daemon_threads = False
    recorded.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield recorded
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(of: Callable[[], Recorded]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            recorded = of()
            recorded.asked.append(self.path)
            reply = recorded.data if self.path.startswith("/data/") else recorded.dataflow
            time.sleep(reply.wait)
            body = reply.body.encode()
            try:
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                return  # the client gave up waiting

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


def structure(code: str, title: str, updated: str, codes: Mapping[str, Mapping[str, str]]) -> Reply:
    """Answer to a request for a dataflow with its descendants: data structure and (partial) code lists."""
    name = code.upper()
    lists = "".join(
        f'<s:Codelist agencyID="ESTAT" id="{d.upper()}" isFinal="true" isPartial="true" version="1.0" '
        f'structureURL="https://ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/codelist/ESTAT/{d}/1.0" '
        'isExternalReference="true" '
        f'urn="urn:sdmx:org.sdmx.infomodel.codelist.Codelist=ESTAT:{d.upper()}(1.0)">'
        f'<c:Name xml:lang="en">{d}</c:Name>'
        + "".join(
            f'<s:Code id="{c}" urn="urn:sdmx:org.sdmx.infomodel.codelist.Code=ESTAT:{d.upper()}(1.0).{c}">'
            f'<c:Name xml:lang="en">{escape(text)}</c:Name><c:Name xml:lang="de">Wort</c:Name></s:Code>'
            for c, text in labels.items()
        )
        + "</s:Codelist>"
        for d, labels in {**codes, "obs_flag": FLAGS}.items()
    )
    concepts = "".join(
        f'<s:Concept id="{d}" urn="urn:sdmx:org.sdmx.infomodel.conceptscheme.Concept=ESTAT:{name}(1.0).{d}">'
        f'<c:Name xml:lang="en">{d}</c:Name></s:Concept>'
        for d in [*codes, "TIME_PERIOD", "OBS_FLAG", "OBS_VALUE"]
    )
    dimensions = "".join(
        f'<s:Dimension id="{d}" position="{i}" '
        f'urn="urn:sdmx:org.sdmx.infomodel.datastructure.Dimension=ESTAT:{name}(1.0).{d}">{_concept(name, d)}'
        f'<s:LocalRepresentation><s:Enumeration><Ref agencyID="ESTAT" class="Codelist" id="{d.upper()}" '
        'package="codelist" version="1.0"/></s:Enumeration></s:LocalRepresentation></s:Dimension>'
        for i, d in enumerate(codes, 1)
    )
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<m:Structure xmlns:m="{SCHEMAS}/message" xmlns:s="{SCHEMAS}/structure" xmlns:c="{SCHEMAS}/common">
  <m:Header><m:ID>DF1674729685</m:ID><m:Test>false</m:Test><m:Prepared>2026-03-02T10:41:25.169Z</m:Prepared>
    <m:Sender id="ESTAT"/></m:Header>
  <m:Structures>
    <s:Dataflows><s:Dataflow id="{name}" agencyID="ESTAT" version="1.0" isFinal="false"
      urn="urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=ESTAT:{name}(1.0)">
      <c:Annotations>
        <c:Annotation><c:AnnotationTitle>1331280</c:AnnotationTitle>
          <c:AnnotationType>OBS_COUNT</c:AnnotationType></c:Annotation>
        <c:Annotation><c:AnnotationTitle>{updated}</c:AnnotationTitle>
          <c:AnnotationType>UPDATE_DATA</c:AnnotationType></c:Annotation>
      </c:Annotations>
      <c:Name xml:lang="de">Titel</c:Name><c:Name xml:lang="en">{escape(title)}</c:Name>
      <s:Structure><Ref id="{name}" version="1.0" agencyID="ESTAT" package="datastructure"
        class="DataStructure"/></s:Structure></s:Dataflow></s:Dataflows>
    <s:Codelists>{lists}</s:Codelists>
    <s:Concepts><s:ConceptScheme agencyID="ESTAT" id="{name}" isFinal="true" version="1.0"
      urn="urn:sdmx:org.sdmx.infomodel.conceptscheme.ConceptScheme=ESTAT:{name}(1.0)">
      <c:Name xml:lang="en">{name} concept scheme</c:Name>{concepts}</s:ConceptScheme></s:Concepts>
    <s:DataStructures><s:DataStructure agencyID="ESTAT" id="{name}" isFinal="true" version="1.0"
      urn="urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=ESTAT:{name}(1.0)">
      <c:Name xml:lang="en">{name} data structure</c:Name>
      <s:DataStructureComponents>
        <s:DimensionList id="DimensionDescriptor">{dimensions}
          <s:TimeDimension id="TIME_PERIOD" position="{len(codes) + 1}">{_concept(name, "TIME_PERIOD")}
            <s:LocalRepresentation><s:TextFormat textType="ObservationalTimePeriod"/></s:LocalRepresentation>
          </s:TimeDimension></s:DimensionList>
        <s:AttributeList id="AttributeDescriptor">
          <s:Attribute assignmentStatus="Conditional" id="OBS_FLAG">{_concept(name, "OBS_FLAG")}
            <s:LocalRepresentation><s:Enumeration><Ref agencyID="ESTAT" class="Codelist" id="OBS_FLAG"
              package="codelist" version="1.0"/></s:Enumeration></s:LocalRepresentation>
            <s:AttributeRelationship><s:PrimaryMeasure><Ref id="OBS_VALUE"/></s:PrimaryMeasure>
            </s:AttributeRelationship></s:Attribute></s:AttributeList>
        <s:MeasureList id="MeasureDescriptor"><s:PrimaryMeasure id="OBS_VALUE">{_concept(name, "OBS_VALUE")}
          <s:LocalRepresentation><s:TextFormat textType="Double"/></s:LocalRepresentation>
        </s:PrimaryMeasure></s:MeasureList>
      </s:DataStructureComponents></s:DataStructure></s:DataStructures>
  </m:Structures>
</m:Structure>"""
    return Reply(body, kind=STRUCTURE_TYPE)


def _concept(name: str, concept: str) -> str:
    return (
        f'<s:ConceptIdentity><Ref agencyID="ESTAT" class="Concept" id="{concept}" '
        f'maintainableParentID="{name}" maintainableParentVersion="1.0" package="conceptscheme"/>'
        "</s:ConceptIdentity>"
    )


Figure = tuple[str, str | None, str]
"""Period, value (``None`` where Eurostat has none), flags."""


def data(code: str, series: Sequence[tuple[Mapping[str, str], Sequence[Figure]]]) -> Reply:
    """Structure-specific SDMX-ML 2.1, as Eurostat sends it by default."""
    name = code.upper()
    body = "".join(
        "<Series "
        + " ".join(f"{d}={quoteattr(c)}" for d, c in key.items())
        + ">"
        + "".join(_observation(figure) for figure in figures)
        + "</Series>"
        for key, figures in series
    )
    urn = f"urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=ESTAT:{name}(1.0):ObsLevelDim:TIME_PERIOD"
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<m:StructureSpecificData xmlns:m="{SCHEMAS}/message" xmlns:s="{SCHEMAS}/data/structurespecific"
  xmlns:u="{urn}" xmlns:c="{SCHEMAS}/common" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <m:Header><m:ID>6EC616C41A1449948584F6B5E3749E2B</m:ID><m:Test>false</m:Test>
    <m:Prepared>2026-03-02T12:30:30.333Z</m:Prepared><m:Sender id="ESTAT"/>
    <m:Structure dimensionAtObservation="TIME_PERIOD" structureID="STR1"><c:StructureUsage>
      <Ref id="{name}" agencyID="ESTAT" version="1.0"/></c:StructureUsage></m:Structure>
    <m:DataSetID>{name}</m:DataSetID><m:Extracted>2026-03-02T12:30:30.333Z</m:Extracted></m:Header>
  <u:DataSet s:structureRef="STR1" s:dataScope="DataStructure" xsi:type="u:DataSetType">{body}</u:DataSet>
</m:StructureSpecificData>"""
    return Reply(text, kind=DATA_TYPE)


def generic(code: str, series: Sequence[tuple[Mapping[str, str], Sequence[Figure]]]) -> Reply:
    """The same as generic SDMX-ML 2.1, which the service sends to those who ask for no form."""
    name = code.upper()
    body = "".join(
        "<g:Series><g:SeriesKey>"
        + "".join(f'<g:Value id="{d}" value="{c}"/>' for d, c in key.items())
        + "</g:SeriesKey>"
        + "".join(
            f'<g:Obs><g:ObsDimension value="{period}"/>'
            + ("" if value is None else f'<g:ObsValue value="{value}"/>')
            + (f'<g:Attributes><g:Value id="OBS_FLAG" value="{flags}"/></g:Attributes>' if flags else "")
            + "</g:Obs>"
            for period, value, flags in figures
        )
        + "</g:Series>"
        for key, figures in series
    )
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<m:GenericData xmlns:m="{SCHEMAS}/message" xmlns:g="{SCHEMAS}/data/generic" xmlns:c="{SCHEMAS}/common">
  <m:Header><m:ID>A1</m:ID><m:Test>false</m:Test><m:Prepared>2026-03-02T12:30:30.333Z</m:Prepared>
    <m:Sender id="ESTAT"/><m:Structure dimensionAtObservation="TIME_PERIOD" structureID="{name}"><c:Structure>
      <Ref id="{name}" agencyID="ESTAT" version="1.0"/></c:Structure></m:Structure></m:Header>
  <m:DataSet structureRef="{name}">{body}</m:DataSet>
</m:GenericData>"""
    return Reply(text, kind="application/vnd.sdmx.genericdata+xml;version=2.1")


def _observation(figure: Figure) -> str:
    period, value, flags = figure
    written = "" if value is None else f' OBS_VALUE="{value}"'
    flag = f' OBS_FLAG="{flags}"' if flags else ""
    return f'<Obs TIME_PERIOD="{period}"{written}{flag}/>'
