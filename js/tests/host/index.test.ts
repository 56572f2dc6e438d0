// The module that the package ships draws its view into any element that a host hands over.

import { afterEach, describe, expect, it, vi } from "vitest";
import { version } from "../../../package.json";
import widget from "../../index";
import { FakeModel } from "../wire/fake-model";
import { stateOf } from "../wire/states";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the shipped module", () => {
  it("draws the workbench and takes it away again", () => {
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    const fake = new FakeModel({ _view: "workbench", _protocol: 1, state: stateOf() });
    const el = document.createElement("div");
    document.body.append(el);
    const end = widget.initialize({ model: fake.proxy() });
    const close = widget.render({ model: fake.proxy(), el });
    expect(fake.last("hello").args).toEqual({ protocol: 1, version });
    expect(el.querySelector(".mw .mw-workbench")).not.toBeNull();
    expect(reported).not.toHaveBeenCalled();
    close();
    expect(el.childElementCount).toBe(0);
    end();
    expect(fake.listening).toBe(0);
  });
});
