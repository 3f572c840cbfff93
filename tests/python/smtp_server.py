"""A mail server on loopback for tests/mail.rs, on aiosmtpd.

It prints its port, then one JSON object for each mail it takes, and ends when its standard input does.
Recipients at refused.example are unknown (550), those at later.example are to be tried later (451).
"""

import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@refused.example"):
            return "550 5.1.1 /var/spool/secret: no such mailbox"
        if address.endswith("@later.example"):
            return "451 4.7.1 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode("latin-1"),
            "tls": session.ssl is not None or arguments.tls == "smtps",
            "user": session.auth_data.decode() if session.authenticated else None,
        }
        print(json.dumps(mail), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    known = data.login == b"market" and data.password == arguments.password.encode()
    return AuthResult(success=known, auth_data=data.login)


async def serve():
    context = None
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate)
    starttls = context if arguments.tls == "starttls" else None

    def connection():
        return SMTP(
            Mailbox(),
            hostname="localhost",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=authenticate if arguments.password else None,
            auth_required=bool(arguments.password),
            auth_require_tls=starttls is not None,
        )

    wrapped = context if arguments.tls == "smtps" else None
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, ssl=wrapped)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


parser = argparse.ArgumentParser()
parser.add_argument("--tls", choices=["starttls", "smtps"])
parser.add_argument("--certificate")
parser.add_argument("--password")
arguments = parser.parse_args()
asyncio.run(serve())
