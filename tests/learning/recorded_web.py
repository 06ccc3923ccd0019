"""A web of its own on loopback that answers like Wikidata, Commons and SerpApi did when they were asked, with drawn faces."""

import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.factories.people import portrait

PEOPLE = {"Q5812": ("Novak Djokovic", 152), "Q230658": ("Ana Ivanović", 71)}


class Recorded:
    """What is asked, counted by path; `trouble` maps a path to what happens there first: (status, headers) one after the other."""

    def __init__(self):
        self.asked = Counter()
        self.questions = []
        self.trouble = {}
        self.address = ""

    def answer(self, path, query):
        self.asked[path] += 1
        self.questions.append((path, query))
        if self.trouble.get(path):
            status, headers = self.trouble[path].pop(0)
            return status, headers, b"{}"
        if path.startswith("/img/"):
            return self._image(path)
        told = {"/w/api.php": self._entities, "/sparql": self._sparql, "/commons": self._commons, "/serp": self._serp}[path]
        return 200, {"Content-Type": "application/json"}, json.dumps(told(query)).encode()

    def _image(self, path):
        name = path.rpartition("/")[2]
        if name == "moved.jpg":
            return 302, {"Location": "/img/90.jpg"}, b""
        if name == "page.jpg":
            return 200, {"Content-Type": "text/html"}, b"<html>" * 500
        if name == "gone.jpg":
            return 404, {}, b""
        if name == "metadata.jpg":
            return 302, {"Location": "http://169.254.169.254/latest/meta-data"}, b""
        return 200, {"Content-Type": "image/jpeg"}, portrait(int(name.partition(".")[0]))

    def _entities(self, query):
        ids = {"tennis player": "Q10833314", "serbia": "Q403"} | {name.lower(): one for one, (name, _) in PEOPLE.items()}
        found = ids.get(query["search"].lower())
        return {"searchinfo": {"search": query["search"]}, "search": [{"id": found, "label": query["search"]}] if found else []}

    def _sparql(self, query):
        def cell(value):
            return {"type": "literal", "value": value}

        rows = []
        for one, (name, sitelinks) in PEOPLE.items():
            if "VALUES" in query["query"] and f"wd:{one} " not in query["query"].replace("}", " "):
                continue
            row = {
                "person": {"type": "uri", "value": f"http://www.wikidata.org/entity/{one}"},
                "personLabel": cell(name),
                "personDescription": cell("Serbian tennis player"),
                "image": cell(f"http://commons.wikimedia.org/wiki/Special:FilePath/{name.replace(' ', '%20')}.jpg"),
                "category": cell(name),
                "sitelinks": cell(str(sitelinks)),
            }
            rows += [row, {**row, "image": cell("http://commons.wikimedia.org/wiki/Special:FilePath/Other.jpg")}]
        return {"head": {"vars": []}, "results": {"bindings": rows}}

    def _page(self, title, image, licence="CC BY-SA 4.0", mime="image/jpeg"):
        said = {
            "LicenseShortName": {"value": licence},
            "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0"},
            "Artist": {"value": '<a href="//commons.wikimedia.org/wiki/User:Rita">Rita &amp; Co</a>'},
        }
        info = {"url": f"{self.address}/img/{image}", "mime": mime, "width": 200, "height": 200, "extmetadata": said}
        info["descriptionurl"] = f"https://commons.wikimedia.org/wiki/{title}"
        return {"pageid": 1, "ns": 6, "title": title, "imageinfo": [{**info, "thumburl": info["url"]}]}

    def _commons(self, query):
        first = 0 if "Novak" in query.get("titles", "") + query.get("gcmtitle", "") else 20
        if "titles" in query:
            return {"batchcomplete": True, "query": {"pages": [self._page(query["titles"], f"{first}.jpg", "Public domain")]}}
        if "gcmcontinue" not in query:
            names = [f"{first}.jpg", f"{first + 1}.jpg", "moved.jpg", "page.jpg", "gone.jpg", "metadata.jpg"]
            pages = [self._page(f"File:{name}", name) for name in names]
            pages.append(self._page("File:talk.webm", "1.webm", mime="video/webm"))
            return {"continue": {"gcmcontinue": "file|x", "continue": "gcmcontinue||"}, "query": {"pages": pages}}
        return {"batchcomplete": True, "query": {"pages": [self._page("File:last", f"{first + 2}.jpg")]}}

    def _serp(self, query):
        if query.get("api_key") != "right":
            return {"error": "Your account has run out of searches."}
        rows = [
            {"position": n, "title": f"Portrait {n}", "link": "https://example.org/page", "source": "example.org"}
            | {
                "original": f"{self.address}/img/{40 + n}.jpg",
                "license_details_url": "https://creativecommons.org/licenses/by/4.0/",
            }
            for n in range(3)
        ]
        return {"search_metadata": {"status": "Success"}, "images_results": rows}


def served_by(recorded, known):
    """Answer the settings of the collectors, with this web as the only one that is known."""
    here = recorded.address
    return {
        **known,
        "wikidata_url": f"{here}/w/api.php",
        "wikidata_query_url": f"{here}/sparql",
        "commons_url": f"{here}/commons",
        "serp_url": f"{here}/serp",
        "serp_api_key": "right",
        "nets": ["127.0.0.0/8"],
        "backoff_seconds": 0.01,
    }


@contextmanager
def recorded_web():
    """Serve a Recorded; `address` is where."""
    recorded = Recorded()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, headers, body = recorded.answer(parts.path, query)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorded.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield recorded
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
