"""An FTP server for anyone, over a folder. Prints its port, then each command that it gets.

Options: `--no-epsv` and `--no-facts` (SIZE, MDTM) for old servers; `--cut BYTES` ends the first transfer after so
many, `--stall BYTES` falls silent in it; `--elsewhere` has passive connections lead to another address than its own."""

import argparse
import sys
import threading

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.servers import FTPServer

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--no-epsv", action="store_true")
parser.add_argument("--no-facts", action="store_true")
parser.add_argument("--cut", type=int, default=0)
parser.add_argument("--stall", type=int, default=0)
parser.add_argument("--elsewhere", action="store_true")
arguments = parser.parse_args()


class Data(DTPHandler):
    left = arguments.cut
    until_silence = arguments.stall
    silent = False

    def send(self, data):
        if self.silent:
            return 0
        if Data.until_silence:
            data = data[: Data.until_silence]
            Data.until_silence -= len(data)
            self.silent = not Data.until_silence
        if Data.left:
            data = data[: Data.left]
            Data.left -= len(data)
            sent = super().send(data)
            if not Data.left:
                self.cmd_channel.close()
                self.close()
            return sent
        return super().send(data)


class Handler(FTPHandler):
    dtp_handler = Data
    authorizer = DummyAuthorizer()
    use_sendfile = False
    timeout = 60
    masquerade_address = "192.0.2.1" if arguments.elsewhere else None

    def pre_process_command(self, line, cmd, arg):
        print(line, flush=True)
        if arguments.no_epsv and cmd == "EPSV" or arguments.no_facts and cmd in ("SIZE", "MDTM"):
            return self.respond("502 Command not implemented.")
        return super().pre_process_command(line, cmd, arg)


Handler.authorizer.add_anonymous(arguments.folder)
server = FTPServer(("127.0.0.1", 0), Handler)
print(server.socket.getsockname()[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), server.close_all()), daemon=True).start()
try:
    server.serve_forever(handle_exit=False)
except OSError:
    pass
