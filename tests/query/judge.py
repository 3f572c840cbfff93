"""A second opinion on SPARQL: rdflib answers the same queries over the same documents.

Standard input: {"entries": [{"document": RDF/XML, "subject": URI, "latest": bool}], "queries": [SPARQL]};
standard output: for each query the sorted rows of its solutions, or true or false.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree

from rdflib import BNode, Graph, Literal, URIRef

TAG = URIRef("http://mp.stratuslab.eu/slterms#tag")


def read(entry):
    root = ElementTree.fromstring(entry["document"])
    for signature in root.findall("{http://www.w3.org/2000/09/xmldsig#}Signature"):
        root.remove(signature)
    graph = Graph()
    graph.parse(data=ElementTree.tostring(root, encoding="unicode"), format="xml")
    document_subject = URIRef("http://mp.stratuslab.eu/#" + entry["identifier"])
    rename = {document_subject: URIRef(entry["subject"])}
    for s, p, o in graph:
        yield rename.get(s, s), p, o
    if entry["latest"]:
        yield URIRef(entry["subject"]), TAG, Literal("latest")


def term(value):
    if value is None:
        return ""
    if isinstance(value, BNode):
        return "_:"
    if isinstance(value, URIRef):
        return "<" + str(value) + ">"
    datatype = "" if value.datatype is None else str(value.datatype)
    if datatype == "http://www.w3.org/2001/XMLSchema#string":
        datatype = ""
    return '"' + str(value) + '"' + (value.language or "") + datatype


def answer(graph, query):
    result = graph.query(query)
    if result.type == "ASK":
        return result.askAnswer
    names = [str(name) for name in result.vars]
    return sorted([[name + "=" + term(row.get(name)) for name in names] for row in ({str(k): v for k, v in b.items()} for b in result.bindings)])


def main():
    given = json.load(sys.stdin)
    graph = Graph()
    for entry in given["entries"]:
        for triple in read(entry):
            graph.add(triple)
    json.dump([answer(graph, query) for query in given["queries"]], sys.stdout)


main()
