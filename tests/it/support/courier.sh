# Starts a Courier that sees the folder's etc and run as the machine's own, for their places are compiled in.
set -eu
mount --bind "$FOLDER/etc" /etc/courier
mount --bind "$FOLDER/run" /run/courier
makeuserdb
set -a
. /etc/courier/authdaemonrc
# Locks would wait for a file monitor that isn't there.
COURIERTLS=/usr/bin/couriertls TLS_CERTFILE=$FOLDER/cert.pem TLS_VERIFYPEER=NONE TLS_PROTOCOL="TLSv1.2++"
MAILDIRPATH=Maildir IMAP_IDLE_TIMEOUT=60 IMAP_KEYWORDS=1 IMAP_USELOCKS=0 IMAP_EMPTYTRASH= IMAP_UMASK=022
IMAP_STARTTLS=YES IMAP_TLS_REQUIRED=1 IMAP_CHECK_ALL_FOLDERS=0 IMAP_ENHANCEDIDLE=0
IMAP_CAPABILITY="IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
IMAP_CAPABILITY_TLS="$IMAP_CAPABILITY AUTH=PLAIN"
set +a

/usr/lib/courier/courier-authlib/authdaemond &
until [ -S /run/courier/authdaemon/socket ]; do sleep 0.01; done

serve() {
  exec /usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip=40 -nodnslookup -noidentlookup "$@" \
    "$COURIER/usr/lib/courier/courier/imaplogin" "$COURIER/usr/bin/imapd" Maildir
}
(serve "$IMAP") &
(IMAP_TLS_REQUIRED=0 IMAP_CAPABILITY="$IMAP_CAPABILITY_TLS" serve "$PLAIN") &
IMAP_STARTTLS=NO IMAP_TLS=1 serve "$IMAPS" /usr/bin/couriertls -server -tcpd
