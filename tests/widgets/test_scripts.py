"""Scripts in files of their own, joined into one scope."""

import re

import pytest

from sertools.widgets import _scripts as scripts

WIDGETS = ("clip_browser", "confusion", "embedding_map", "recorder", "timeline")


def bundle(folder, **files):
    """Join files that are given by their stems; the widget imports all the others."""
    others = [stem for stem in files if stem != "widget"]
    imports = [f'import {{ {stem}s }} from "./{stem}.js";\n' for stem in others]
    files["widget"] = "".join(imports) + files.get("widget", "export default {};\n")
    for stem, text in files.items():
        (folder / f"{stem}.js").write_text(text)
    return scripts.script("widget.js", folder)


@pytest.mark.parametrize("widget", WIDGETS)
def test_no_two_files_of_a_widget_declare_the_same_name(widget):
    joined = scripts.script(f"{widget}.js")
    assert joined.count("export default") == 1
    assert not re.search(r"^import ", joined, re.MULTILINE)


@pytest.mark.parametrize(
    "declared",
    [
        "function KEYS() {}",
        "async function KEYS() {}",
        "function* KEYS() {}",
        "export function KEYS() {}",
        "export async function KEYS() {}",
        "class KEYS extends Map {}",
        "export class KEYS {}",
        "const KEYS = 1;",
        "export const KEYS = 1;",
        "let KEYS;",
        "export let KEYS = 1;",
        "var KEYS = 1;",
        "let first = [1, 2], KEYS = 3;",
        "let first = f(1, { a: 2 }),\n  KEYS = (a, b) => a;",
        "const { KEYS } = place;",
        "const { a: KEYS } = place;",
        "const { [key()]: KEYS } = place;",
        'const { "a b": KEYS = 3 } = place;',
        "export const { a: { b: [, KEYS] }, ...rest } = place;",
        "const { a = [1, 2], ...KEYS } = place;",
        "const [first, , KEYS] = place;",
        "var [first = { b: 1 }, ...KEYS] = place;",
        'import { other as KEYS } from "./third.js";',
        'import {\n  others,\n  other as KEYS,\n} from "./third.js";',
        "const first = 1\nconst KEYS = 2",
        "let first = 1\nfunction KEYS() {}",
        'const first = `${`}` + "`"} ${{ a: 1 }}`; const KEYS = 2;',
        "const first = /[/{]\\/{/g.test(a / b); const KEYS = 2; // {",
        "/* { */ const KEYS = 'don\\'t {';",
        "export default function KEYS() {}",
    ],
)
def test_names_that_clash_are_an_error_of_one_line(tmp_path, declared):
    (tmp_path / "third.js").write_text("export const other = 1, others = 2;\n")
    with pytest.raises(ValueError, match="KEYS") as refusal:
        bundle(tmp_path, keyboard="const KEYS = [];\n", mouse=f"{declared}\n")
    assert str(refusal.value) == (
        "widget.js: KEYS is declared in keyboard.js and in mouse.js, which share one "
        "scope on a page: rename one of the two."
    )


@pytest.mark.parametrize(
    "inside",
    [
        "function f(KEYS) {\n  const { KEYS: a } = KEYS;\n}",
        "{\n  const KEYS = 1;\n}",
        "for (const KEYS of all) go(KEYS);",
        "const f = function KEYS() {};",
        "const f = async function KEYS() {};",
        "const C = class KEYS {};",
        "const { KEYS: own } = place;",
        "const { a = [KEYS, KEYS], [KEYS]: b } = place;",
        "const a = KEYS, b = (KEYS, KEYS), c = { KEYS, d: KEYS };",
        "const a = `${KEYS} const KEYS = 1;`;",
        "// const KEYS = 1;\n/*\nconst KEYS = 1;\n*/",
        "place.KEYS = KEYS;\nplace.class = KEYS;",
        "KEYS.const = 1;",
        'import { KEYS as own } from "./keyboard.js";',
        'import { KEYS } from "./keyboard.js";',
        "class C {\n  KEYS = 1;\n  static KEYS() {}\n}",
    ],
)
def test_the_same_word_inside_or_as_a_value_is_no_clash(tmp_path, inside):
    assert bundle(tmp_path, keyboard="const KEYS = [];\n", mouse=f"{inside}\n")


def test_a_renamed_import_has_its_own_name_in_the_page(tmp_path, browser):
    joined = bundle(
        tmp_path,
        keyboard="export const keyboards = 1;\nexport const KEYS = 41;\n",
        mouse='import { KEYS as held } from "./keyboard.js";\n'
        "export const mouses = held + 1;\n",
        widget="export default { mouses };\n",
    )
    page = browser.new_page()
    told = page.evaluate(
        """async text => {
            const address = URL.createObjectURL(
                new Blob([text], { type: "text/javascript" }));
            return (await import(address)).default;
        }""",
        joined,
    )
    page.close()
    assert told == {"mouses": 42}


@pytest.mark.parametrize(
    "line",
    [
        'import * as keyboard from "./keyboard.js";',
        'import keyboard from "./keyboard.js";',
        'import "./keyboard.js";',
        'export { KEYS } from "./keyboard.js";',
        "export * from './keyboard.js';",
    ],
)
def test_an_import_that_cannot_be_joined_is_named(tmp_path, line):
    with pytest.raises(ValueError, match=r"^mouse\.js: only `import"):
        bundle(tmp_path, keyboard="const KEYS = [];\n", mouse=f"{line}\n")


def test_brackets_that_do_not_match_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"^mouse\.js: its brackets do not match"):
        bundle(tmp_path, mouse="const a = {;\n")
