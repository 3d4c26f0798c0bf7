// A browser's side of Pusher, with Pusher's own client: subscribes to the channels that come in
// as lines, and prints each event and each state of the connection as a line of JSON.
"use strict";

const readline = require("node:readline");
const Pusher = require("pusher-js");

const options = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const pusher = new Pusher(options.key, {
  wsHost: options.host,
  wsPort: options.port,
  forceTLS: false,
  enabledTransports: ["ws"],
  cluster: "", // required, and unused beside wsHost
  channelAuthorization: options.authorization,
});
pusher.connection.bind("state_change", ({ current }) => say({ state: current }));

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (channel) => {
  pusher.subscribe(channel).bind_global((event, data) => say({ channel, event, data }));
});
lines.on("close", () => process.exit(0));
