"""Putting a file on a page: an upload that nobody sees, its bytes, then the block that shows it."""

from __future__ import annotations

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.files import File
from integrations.notion import INTEGRATION as notion
from integrations.notion import plans
from integrations.notion.interface import NotionClient
from integrations.notion.pages import page_field
from integrations.spec import Change, Kind, Model
from integrations.spec import content as text

MAX_PART = 20 * 1024 * 1024  # https://developers.notion.com/docs/uploading-small-files
KINDS = {"image": "image", "audio": "audio", "video": "video"}


class UploadInput(Model):
    """Which file, and where."""

    page: str = page_field()
    file: File = text("File", help="A file of an earlier step.")


class Uploaded(Model):
    """The page and the upload."""

    page_id: str
    url: str
    upload_id: str


@notion.action(
    "upload_file",
    kind=Kind.EFFECT,
    input=UploadInput,
    output=Uploaded,
    title="Put a file on a page",
    phrase="puts a file on a page",
    changes=[
        Change("begin_upload", look=False, set_semantics=True, thing="", weight=100),
        Change("send_upload", look=True, thing="", weight=100),
        Change("attach", look=True, undo="Remove the block", thing="file", weight=30),
    ],
    timeout=180,
    keywords=("attachment", "image", "pdf"),
    foretell={"begin_upload": plans.new_upload, "send_upload": plans.new_upload, "attach": plans.shown_file},
)
async def upload_file(context: Context[NotionClient], values: UploadInput) -> Uploaded:
    """Upload a file of up to 20 MiB and show it at the end of a page, as an image, sound, video, PDF or file."""
    client = context.client
    page = await client.find_page(values.page)
    content = await context.read_file(values.file)
    name, kind = values.file.name or "file", values.file.mime_type
    if len(content) > MAX_PART:
        raise Rejected(
            f"“{name}” has {len(content) / 1024 / 1024:.1f} MiB; Notion takes 20 in one piece.",
            code="E_TOO_LARGE",
            refused=True,
            hint="Use a smaller file, or put a link to it on the page.",
        )
    about = {"name": name, "mime_type": kind, "size": len(content)}

    async def begin(key: str) -> Outcome:
        return Outcome(await client.begin_upload(name, kind))

    # A second upload that no page shows is gone within the hour.
    begun = await context.change(
        Order(op="begin_upload", target={"page": page.id}, request=about, send=begin, set_semantics=True)
    )
    upload = begun.external_id

    async def send(key: str) -> Outcome:
        await client.send_upload(upload, name, kind, content)
        return Outcome(upload)

    async def arrived(what: LookFor) -> Found | None:
        return Found(upload) if await client.is_uploaded(upload) else None

    await context.change(Order(op="send_upload", target={"upload": upload}, request=about, send=send, look=arrived))

    async def attach(key: str) -> Outcome:
        await client.attach(page.id, upload, _block(kind), name, key)
        return Outcome(page.id, page.url)

    async def attached(what: LookFor) -> Found | None:
        return Found(page.id, page.url) if await client.has_part(page.id, what.key) else None

    await context.change(
        Order(
            op="attach",
            target={"page": page.id},
            request=about,
            send=attach,
            look=attached,
            search_url=page.url,
            looks_apart=10.0,
        )
    )
    return Uploaded(page_id=page.id, url=page.url, upload_id=upload)


def _block(mime_type: str) -> str:
    """The kind of block that shows such a file."""
    if mime_type == "application/pdf":
        return "pdf"
    return KINDS.get(mime_type.partition("/")[0], "file")
