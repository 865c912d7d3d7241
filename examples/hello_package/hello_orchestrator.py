"""The smallest package that adds an action: ten lines."""

from integrations.spec import Integration, Kind, Model, content

INTEGRATION = Integration(slug="hello", title="Hello", description="Says hello.")


class Person(Model):
    name: str = content("Name", help="Whom to greet.", example="Ada")


class Greeting(Model):
    text: str


@INTEGRATION.action("greet", kind=Kind.PURE, input=Person, output=Greeting, title="Say hello", phrase="says hello")
async def greet(context, values: Person) -> Greeting:
    """Greet somebody by name."""
    return Greeting(text=f"Hello, {values.name}!")
