# The peer file of the lab for smail; see README.md beside this. Redefines what the program makes different.
p_setup() {
  install -D -m 755 "${SMAIL_BIN:?path of the smail binary}" "$ROOT/usr/sbin/smail"
  local modules=$(dirname "$SMAIL_BIN")/dns.so n
  [ ! -e "$modules" ] || install -m 755 "$modules" "$ROOT/usr/sbin/dns.so"
  for n in sendmail rmail smtpd runq mailq newaliases smailctl; do ln -sf smail "$ROOT/usr/sbin/$n"; done
  in_ sh -c 'for u in smail smailnet smailmap; do getent passwd $u >/dev/null || useradd -r -M -s /usr/sbin/nologin $u; done'
  mkdir -p "$ROOT/run"
}
p_config() {
  p_setup
  local d="$ROOT/usr/lib/smail" more=
  rm -rf "$d"; mkdir -p "$d"
  case $PROFILE in hold) more='delivery_mode = queued' ;; idle) more="smtp_accept_max = $MAXCONN
smtp_accept_max_per_host = $MAXCONN" ;; esac
  cat >"$d/config" <<CFG
hostnames = lab.test:mx.lab.test
visible_name = lab.test
smart_path = $SINK_HOST
smart_transport = smtp
max_message_size = 60M
$more
CFG
  printf 'smart_host: driver = smarthost, transport = smtp\n' >"$d/routers"
  printf 'smtp: driver = smtp, inet, -max_addrs; service = %s\n' "$SINK_PORT" >"$d/transports"
  [ "$PROFILE" = maildir ] &&
    printf 'local: driver = appendfile, local, return_path; maildir = "~/Maildir"\n' >>"$d/transports"
  echo 'list: :include:/etc/lab-list' >"$ROOT/etc/aliases"
  in_ /usr/sbin/smailctl check
}
p_clean() { find "$ROOT/var/spool/smail" -mindepth 1 -delete 2>/dev/null; clean_mail; }
p_start() { in_ /usr/sbin/smail -bd -q30m -oX "127.0.0.1:$PORT"; }
