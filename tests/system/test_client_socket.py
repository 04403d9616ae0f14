"""Where the client looks for the service when it is not told."""

import json
import os
import subprocess

from harness import ALICE, BOB, PATIENCE, Case, need_mounts, new_directory, own_mounts, wait_for, work_directory
from test_client import identity, run


class DefaultSocket(Case):
    """Where the client looks without --pipe. In a mount namespace with a /run of its own, so that nothing of this machine is touched."""

    def setUp(self):
        need_mounts()
        self.own = new_directory("runtime", 0o700)
        os.chown(self.own, ALICE, ALICE)
        self.environment = {"XDG_RUNTIME_DIR": self.own}

    def start_own(self):
        """Alice's own service, which finds its place by XDG_RUNTIME_DIR."""
        environment = dict(os.environ, **self.environment)
        log = open(os.path.join(work_directory(), "own.log"), "ab")
        self.addCleanup(log.close)
        process = subprocess.Popen([os.path.join(work_directory(), "junctiond"), "run"], env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, **identity(ALICE))

        def stop():
            process.terminate()
            process.wait(PATIENCE)
        self.addCleanup(stop)
        place = os.path.join(self.own, "junction", "junction.sock")
        wait_for(lambda: os.path.exists(place) or process.poll() is not None, "the socket of Alice's own service")
        self.assertIsNone(process.poll(), "it ended at once")
        return place

    def test_own_service(self):
        if os.path.exists("/run/junction"):
            self.skipTest("/run/junction exists: this machine's own service would be asked")
        place = self.start_own()
        answer = run("status", "--format", "json", env=self.environment)
        self.assertEqual(answer.returncode, 0, answer)
        status = json.loads(answer.stdout)
        self.assertEqual((status["identity"], status["privileged"]), ("uid:%d" % ALICE, False))
        # Somebody else, even root, does not talk to it.
        self.assertEqual(run("status", uid=0, env=self.environment).returncode, 10)
        self.assertEqual(run("status", uid=BOB, env=self.environment).returncode, 4)
        # Without the variable, or with one that its specification says to ignore, there is only /run.
        for value in ("", "relative"):
            self.assertEqual(run("status", env={"XDG_RUNTIME_DIR": value}).returncode, 3)
        self.assertEqual(os.stat(place).st_uid, ALICE)
        self.assertFalse(os.path.exists("/run/junction"))

    def test_run_first(self):
        """Where both are there, root's is asked."""
        self.start_own()
        script = """
mount -t tmpfs -o mode=755 tmpfs /run || exit 99
mkdir -m 755 /run/junction
"$1/junctiond" run >"$1/first.log" 2>&1 &
service=$!
for i in $(seq 600); do [ -S /run/junction/junction.sock ] && break; sleep 0.1; done
setpriv --reuid %d --regid %d --clear-groups "$1/junction" status --format json
kill $service
wait $service
""" % (ALICE, ALICE)
        done = subprocess.run([*own_mounts("private"), "sh", "-c", script, "sh", work_directory()], capture_output=True,
                              env=dict(os.environ, **self.environment), timeout=2 * PATIENCE, check=False)
        if done.returncode == 99:
            self.skipTest("no mount namespace here: " + done.stderr.decode())
        self.assertEqual(done.returncode, 0, done)
        self.assertIs(json.loads(done.stdout)["privileged"], True)
        self.assertFalse(os.path.exists("/run/junction"))
