from tests.server.jupyter import address
def test_x(jupyter, root):
    r = jupyter.http.get("/"); print(r.status_code, r.text)
    r = jupyter.http.get("/recipes"); print(r.status_code, r.text)
    r = jupyter.http.put(address("a.mech.json"), json={"format":"mechwidget-recipe"}, headers={"If-None-Match":"*"}); print(r.status_code, r.text)
    r = jupyter.http.get(address("a.mech.json")); print(r.status_code, r.text)
    r = jupyter.http.get("/models"); print(r.status_code, r.text)
    r = jupyter.http.get("/plugins"); print(r.status_code, r.text)
    r = jupyter.http.get("/nix"); print(r.status_code, r.text)
