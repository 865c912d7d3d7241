"""What imports cannot show: words, names of services above their folder, first lines, and what starting costs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "prompts", "integrations", "workflows", "orchestrator_site")
SERVICES = ("openai", "anthropic", "github", "notion", "gmail")
MODULES = sorted(p for app in APPS for p in (ROOT / app).rglob("*.py") if "migrations" not in p.parts)
TEMPLATES = sorted([*(ROOT / "templates").rglob("*.html"), *(ROOT / "static" / "js").glob("*.js")])
SAID = re.compile("|".join(SERVICES), re.IGNORECASE)
SDKS = ("openai", "anthropic", "github", "notion_client", "googleapiclient", "google.oauth2", "aiohttp")

# The original's formats and routes name what the original named; the gallery names the services that it shows.
OF_THE_ORIGINAL = ("workflows/operations/imports/", "workflows/api/original/")
NAMES_A_SERVICE = {
    "orchestrator_site/lib/redact.py": "the shapes of known keys",
    "workflows/operations/quickstart.py": "the slugs of the gallery",
}
FORBIDDEN_WORDS = {"job", "jobs", "node", "nodes", "flow", "flows", "pipeline", "pipelines", "connector", "connectors"}
# A tree of Liquid or of JSON has nodes, and aiohttp calls its pool a connector; nothing of ours is called so.
OTHER_TREES = ("orchestrator_site/lib/",)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of the constants that are docstrings."""
    found = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            found.add(id(body[0].value))
    return found


def identifiers(tree: ast.Module) -> set[str]:
    """Every name that a module gives: definitions, arguments, variables, attributes it sets."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return found


def words(name: str) -> set[str]:
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def texts(tree: ast.Module) -> set[str]:
    """Every text and name of a module but its docstrings."""
    told = docstrings(tree)
    constants = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return identifiers(tree) | {str(node.value) for node in constants if id(node) not in told}


def in_a_service(path: Path) -> bool:
    return shown(path).startswith(tuple(f"integrations/{name}/" for name in SERVICES))


def test_a_module_says_first_what_it_is_for():
    silent = [path for path in MODULES if (text := path.read_text()).strip() and not text.startswith('"""')]
    assert list(map(shown, silent)) == []


def test_a_thing_has_the_name_of_the_glossary():
    wrong = {
        (shown(path), name)
        for path in MODULES
        if not shown(path).startswith((*OTHER_TREES, *OF_THE_ORIGINAL))
        for name in identifiers(tree_of(path)) | {path.stem}
        if words(name) & FORBIDDEN_WORDS
    }
    assert wrong == set(), "see docs/glossary.md"


def test_no_service_is_named_above_its_folder():
    wrong = {
        (shown(path), text)
        for path in MODULES
        if not in_a_service(path) and not shown(path).startswith(OF_THE_ORIGINAL) and shown(path) not in NAMES_A_SERVICE
        for text in texts(tree_of(path))
        if SAID.search(text)
    }
    assert wrong == set()


def test_no_page_names_a_service():
    assert [shown(path) for path in TEMPLATES if SAID.search(path.read_text())] == []


def test_every_exception_is_still_needed():
    assert [name for name in NAMES_A_SERVICE if not SAID.search((ROOT / name).read_text())] == []


def test_a_service_is_a_whole_folder():
    for name in (*SERVICES, "data", "ai"):
        files = {path.name for path in (ROOT / "integrations" / name).iterdir()}
        assert {"__init__.py", "icon.svg"} <= files, name


def test_the_engine_uses_no_asgiref_and_only_the_queue_knows_django_q():
    for path in (ROOT / "workflows").rglob("*.py"):
        imported = {
            alias.name
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in [*node.names, ast.alias(getattr(node, "module", "") or "")]
        }
        roots = {name.split(".")[0] for name in imported}
        assert "asgiref" not in roots, shown(path)
        assert "django_q" not in roots or path.name == "queue.py", shown(path)


def test_starting_loads_no_sdk():
    """Importing them all takes seconds; each is imported by the call that needs it."""
    program = (
        "import sys, django; django.setup()\n"
        "from django.urls import get_resolver; list(get_resolver().url_patterns)\n"
        "from integrations.registry import actions; assert len(actions()) > 10\n"
        "import workflows.engine.engine, workflows.tasks\n"
        f"print(*[name for name in {SDKS!r} if name in sys.modules])"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
