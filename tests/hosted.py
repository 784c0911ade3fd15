"""A GPServer whose result is a layer of a feature service, for tests."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from fakes import ScriptedApp

LAYER = "https://gp.test/arcgis/rest/services/Hosted/out/FeatureServer/0"
FIELDS = [{"name": "OBJECTID", "type": "esriFieldTypeOID"}, {"name": "n", "type": "esriFieldTypeInteger"}]


class HostedApp(ScriptedApp):
    """A GPServer whose result is a layer of ``rows`` rows, handed out ``page`` at a time."""

    def __init__(self, rows, *, page=10, pagination=True, table=False, cut=None, url=LAYER, **value):
        super().__init__(results={"bufferLayer": {"url": url, **value}})
        self.rows, self.page, self.pagination, self.table, self.cut = rows, page, pagination, table, cut
        self.trouble = []
        self.queries = []
        self.lock = threading.Lock()

    formats = "JSON, geoJSON"

    def answer(self, asked):
        path = urlsplit(asked.url).path
        if "/FeatureServer/0" not in path:
            return super().answer(asked)
        with self.lock:
            if not path.endswith("/query"):
                return {
                    "type": "Table" if self.table else "Feature Layer",
                    "fields": FIELDS,
                    "objectIdField": "OBJECTID",
                    "maxRecordCount": self.page,
                    "supportedQueryFormats": self.formats,
                    "geometryType": None if self.table else "esriGeometryPoint",
                    "extent": {"spatialReference": {"wkid": 102100, "latestWkid": 3857}},
                    "advancedQueryCapabilities": {"supportsPagination": self.pagination},
                }
            self.queries.append(dict(asked.form))
            if self.trouble and "returnCountOnly" not in asked.form:
                return self.trouble.pop()
            return self.query(asked.form)

    def query(self, form):
        ids = list(range(100, 100 + 2 * self.rows, 2))  # gaps, as after deletions
        if form.get("returnCountOnly") == "true":
            return {"count": self.rows}
        if form.get("returnIdsOnly") == "true":
            return {"objectIdFieldName": "OBJECTID", "objectIds": ids[::-1]}
        if form["where"] != "1=1":
            low, high = (int(part.split()[-1]) for part in form["where"].split(" AND "))
            ids = [i for i in ids if low <= i <= high]
        start = int(form.get("resultOffset", 0))
        most = min(int(form.get("resultRecordCount", self.page)), self.cut or self.page)
        chosen = ids[start : start + most]
        features = [{"attributes": {"OBJECTID": i, "n": i % 7}} for i in chosen]
        if not self.table:
            features = [
                {**f, "geometry": {"x": float(f["attributes"]["OBJECTID"]), "y": 1.0}} for f in features
            ]
        body = {"fields": FIELDS, "features": features, "exceededTransferLimit": start + most < len(ids)}
        return (
            body
            if self.table
            else {
                **body,
                "geometryType": "esriGeometryPoint",
                "spatialReference": {"wkid": 102100, "latestWkid": 3857},
            }
        )
