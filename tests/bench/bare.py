"""A Bolt app that acknowledges and does nothing else: what no bot can be faster than."""

import asyncio
import os

from aiohttp import ClientSession
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


async def main() -> None:
    async with ClientSession() as session:
        client = AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_BASE_URL"], session=session)
        app = AsyncApp(client=client)

        @app.command("/aurora")
        async def acknowledge(ack: AsyncAck) -> None:
            await ack()

        await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).connect_async()  # type: ignore[no-untyped-call] # Bolt's
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
