/** `qkd-agent --help`. */
import { LOG_LEVELS } from "./schema.ts";

export const HELP = `qkd-agent: a site's end of the tunnel

Usage: qkd-agent [-R [bind:]port:host:port]... [-L [bind:]port:site/service]... [options] URL --site SITE
       qkd-agent run agent.toml [-f]
       qkd-agent check agent.toml            (or the options that you would start it with)
       qkd-agent health agent.toml           (is the agent that runs with it connected? for health checks)
       qkd-agent host-key agent.toml         (shows the SSH keys of its IPsec hosts, and pins them when told so)

  -R [bind:]port:host:port    expose host:port as the service "port"; port 0: any, which is printed
  -L [bind:]port:site/service listen here for another site's service (on 127.0.0.1 where no bind is given)
  -N                          accepted, as with ssh: there are no remote commands
  -f                          go to the background once connected, and print the process id
  -v                          log everything

  --site SITE                 whose agent this is
  --token-file FILE           with the one-time token, for the first start
  --allow SITE                who may open what -R exposes; repeat it. Default: @linked; @edge is the edge
                              itself, @gateway its TCP ports
  --state DIR                 the agent's own keys (default ~/.local/state/qkd-agent/EDGE/SITE)
  --standby                   wait while another instance serves the site
  --wait SECONDS              new connections wait so long while the tunnel is down; default: closed at once
  --ca FILE                   PEM of the authority behind the edge's certificate
  --insecure-http             http:// to another machine
  --tls                       TLS with the other agent inside the tunnel, with
  --cert F --key F --site-ca F  this site's certificate and key, and the sites' authority
  --log-level LEVEL           ${LOG_LEVELS.join(", ")}
  --log-file FILE

Signals: SIGTERM and SIGINT end it in order, SIGUSR2 logs its gauges.
Exit codes: 0 ended as told, or nothing found by check; 1 an error; 2 wrong usage or configuration.`;
