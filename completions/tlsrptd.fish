# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_tlsrptd_global_optspecs
    string join \n config= log-format= v/verbose h/help V/version
end

function __fish_tlsrptd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_tlsrptd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_tlsrptd_using_subcommand
    set -l cmd (__fish_tlsrptd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "init" -d 'Set everything up: ask, try the servers, write a configuration, and say what to publish in DNS'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "run" -d 'Run as a daemon: poll every mailbox, send the digest at its time, until SIGTERM'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "poll" -d 'Poll every mailbox once'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "import" -d 'Import mails and reports from files: mails, JSON, gzip, zip, mbox, Maildirs, and folders of these'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "digest" -d 'Print the next digest, or send it'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "sql" -d 'Query the database; it can\'t be changed'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "check" -d 'Try the configuration, every mailbox, the mail server and the database'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "mails" -d 'List the mails that were not stored, with the reasons'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "status" -d 'How things stand: polls, counts, the next digest, what waits'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "ready" -d 'Whether domains are ready for mode enforce: every condition, and what enforce would have held'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "domains" -d 'How each domain stands: policy as senders see it, connections, problems'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "reporters" -d 'Who reports, how regularly, and who has stopped'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "backup" -d 'Copy the database, also while the daemon runs'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "reparse" -d 'Read rejected mails and stored reports again, after an upgrade, and say what changed'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "forget" -d 'Erase all that is stored about a domain'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "problems" -d 'List the open problems: what is to be repaired, where, since when, and what it does to mail'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "show" -d 'Show a problem by its id with all that is known of it, or a report'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "ack" -d 'Keep a problem out of the mails for some days, unless it gets worse'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "note" -d 'Write down what you did or know about a problem or a domain'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "fixed" -d 'Say that a problem was repaired: one clean day then suffices to call it over'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "report" -d 'Write a page with everything of all days: sessions, reporters, problems, policies, readiness'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "debug-info" -d 'Print versions, settings, counts and the last errors for whoever helps you: no secrets, names or reports'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "accept" -d 'Let reports count that were set aside because their origin isn\'t proven'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "retire" -d 'Say that a domain or an MX is no longer used: its problems are closed, later failures only counted'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "explain" -d 'Tell what a cause, a result type or a combination means, and what to do; without a name, list them'
complete -c tlsrptd -n "__fish_tlsrptd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l address -d 'The address of the mailbox that reports go to: the one behind rua=mailto:...' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l imap -d 'Its IMAP server, or `google` or `microsoft`; TLS from the first byte, or STARTTLS with port 143' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l imap-tls -d 'How TLS begins there, if the port doesn\'t say it' -r -f -a "implicit\t'From the first byte'
starttls\t'By STARTTLS, and never without'
none\t'Not at all; to loopback only'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l user -d 'The login name, if it isn\'t the address' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l password-file -d 'A file that holds the password; it stays where it is' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l password-command -d 'A program and its arguments, separated by blanks, which prints the password; no shell' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l client-id -d 'OAuth 2 instead of a password: the application\'s id (docs/oauth.md)' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l tenant -d 'With --client-id at Microsoft: the directory' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l client-secret-file -d 'With --client-id: a file that holds the application\'s secret' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l refresh-token-file -d 'With --client-id: a file that holds the refresh token; without, client credentials' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l folder -d 'A folder to read; may be given several times' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l to -d 'Who gets the digest; separated by commas, or given several times' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l from -d 'The digest\'s sender, if it isn\'t the mailbox\'s address' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l smtp -d 'The server that takes the digest, or `sendmail`; TLS from the first byte, or STARTTLS with port 587' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l smtp-tls -d 'How TLS begins there, if the port doesn\'t say it' -r -f -a "implicit\t'From the first byte'
starttls\t'By STARTTLS, and never without'
none\t'Not at all; to loopback only'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l smtp-user -d 'The login name there, if it isn\'t that of the mailbox; `none` for no login' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l smtp-password-file -d 'A file that holds the password there, if it isn\'t that of the mailbox' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l ca-file -d 'Certificate authorities of your own (PEM) for both servers' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l database -d 'The database, if it isn\'t at the usual place' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l timezone -d 'The digest\'s time zone, if it isn\'t that of this machine' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l authentication -d 'How the origin of reports is proven, if not by "auto" (docs/authentication.md)' -r -f -a "auto\t'By a DKIM signature that we verify; where that fails, by what our own MX found'
verify\t'By a DKIM signature that we verify'
trust-mx\t'By what our own MX found'
off\t'Not at all: every report counts, unchecked'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l domain -d 'Your mail domains, for the DNS records; separated by commas, or given several times' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l owner -d 'As root: whose the files become; otherwise those of the user tlsrptd, if there is one' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l password-stdin -d 'Read the password from the first line of standard input, and keep it in a file of mode 0600'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l yes -d 'Ask nothing: take what is given and what is likely'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l force -d 'Replace files that are there'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l offline -d 'Try no server'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l poll -d 'Then read the mailbox for the first time'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -l send -d 'Then read the mailbox and send the first digest'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand init" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand run" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand run" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand run" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand run" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand poll" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand poll" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand poll" -l dry-run -d 'Do everything but keep nothing and change nothing in a mailbox'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand poll" -l no-mail -d 'Send no urgent mail; the next digest tells what it would say'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand poll" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand poll" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand poll" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand import" -l authentication -d 'How the origin of mails is proven; otherwise as the configuration says. Keys go with time: `off` counts old mails unchecked' -r -f -a "auto\t'By a DKIM signature that we verify; where that fails, by what our own MX found'
verify\t'By a DKIM signature that we verify'
trust-mx\t'By what our own MX found'
off\t'Not at all: every report counts, unchecked'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand import" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand import" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand import" -l dry-run -d 'Do everything but keep nothing'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand import" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand import" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -l format -d 'How the printed digest looks' -r -f -a "text\t'Its text part'
html\t'Its HTML part'
eml\t'The whole mail'
json\t'Its facts'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -l audience -d 'Print that of this `[[digest.audience]]`; --send sends those of all' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -l send -d 'Send it if there is something to tell, and remember that'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -l dry-run -d 'With --send: only say what would be sent'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand digest" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -l format -d 'How rows look' -r -f -a "table\t'A table for people; control characters are escaped'
csv\t'RFC 4180'
json\t'One array of objects'
ndjson\t'One object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -l timeout -d 'Longest time a query may take, in seconds' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -l schema -d 'Print the documented tables and views'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -l examples -d 'Print queries to start from'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand sql" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand check" -l format -d 'How the result looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand check" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand check" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand check" -l offline -d 'Check the configuration alone'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand check" -l send-test -d 'Mail one line to the recipients of the digest'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand check" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand check" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -l outcome -d 'Only mails with this outcome, or with a report that has it; otherwise rejected, conflict, set-aside and too-old' -r -f -a "stored\t'A report in it counts'
set-aside\t'Waits for a person\'s decision'
conflict\t'Another report with the same identity counts'
rejected\t'It can\'t be read'
too-old\t'Beyond the retention'
duplicate\t'Known already'
not-a-report\t'Nothing for us'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -l limit -d 'At most so many, the newest first; 0: no limit' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -l format -d 'How the list looks' -r -f -a "text\t'For people; control characters are escaped'
json\t'One array of objects'
csv\t'RFC 4180'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -l all -d 'Every mail that was read, whatever became of it'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand mails" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand status" -l format -d 'How it looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand status" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand status" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand status" -l health -d 'Print one line, and end with 1 if polling or sending has failed for longer than `limits.health_after`'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand status" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand status" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ready" -l format -d 'How it looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ready" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ready" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ready" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ready" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ready" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand domains" -l format -d 'How it looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand domains" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand domains" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand domains" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand domains" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand domains" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reporters" -l format -d 'How it looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reporters" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reporters" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reporters" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reporters" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reporters" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand backup" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand backup" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand backup" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand backup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand backup" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reparse" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reparse" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reparse" -l dry-run -d 'Do everything but keep nothing'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reparse" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reparse" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand reparse" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand forget" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand forget" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand forget" -l dry-run -d 'Only say what would be erased'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand forget" -l yes -d 'Erase it; there is no way back'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand forget" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand forget" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand problems" -l format -d 'How the list looks' -r -f -a "text\t'For people; control characters are escaped'
json\t'One array of objects'
csv\t'RFC 4180'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand problems" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand problems" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand problems" -l all -d 'Those that are over too, and what is too little to speak of, foreign or retired'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand problems" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand problems" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand problems" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and not __fish_seen_subcommand_from report help" -l format -d 'How it looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and not __fish_seen_subcommand_from report help" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and not __fish_seen_subcommand_from report help" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and not __fish_seen_subcommand_from report help" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and not __fish_seen_subcommand_from report help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and not __fish_seen_subcommand_from report help" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and not __fish_seen_subcommand_from report help" -a "report" -d 'A report by its id, as a person reads it and as it was sent'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and not __fish_seen_subcommand_from report help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and __fish_seen_subcommand_from report" -l format -d 'How it looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and __fish_seen_subcommand_from report" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and __fish_seen_subcommand_from report" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and __fish_seen_subcommand_from report" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and __fish_seen_subcommand_from report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and __fish_seen_subcommand_from report" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and __fish_seen_subcommand_from help" -f -a "report" -d 'A report by its id, as a person reads it and as it was sent'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -l days -d 'For so many days from today; 0 takes it back' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -l because -d 'Why, for whoever looks at it later' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -l format -d 'How the answer looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -l dry-run -d 'Only say what it would do'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ack" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand note" -l format -d 'How the answer looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand note" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand note" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand note" -l undo -d 'Take back what was noted about it so far; it stays on record'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand note" -l dry-run -d 'Only say what it would do'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand note" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand note" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand note" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -l because -d 'How, for whoever looks at it later' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -l format -d 'How the answer looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -l undo -d 'Take it back'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -l dry-run -d 'Only say what it would do'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand fixed" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand report" -l html -d 'Where to write it; one file that needs no other, replaced if it is there' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand report" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand report" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand report" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand report" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand debug-info" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand debug-info" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand debug-info" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand debug-info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand debug-info" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand accept" -l from -d 'All that is set aside of this reporter' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand accept" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand accept" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand accept" -l dry-run -d 'Only say what it would do'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand accept" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand accept" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -l since -d 'Since this day (UTC), such as 2026-11-20; otherwise today' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -l because -d 'Why, for whoever looks at it later' -r
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -l format -d 'How the answer looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -l undo -d 'It is used again'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -l dry-run -d 'Only say what it would do'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand retire" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand explain" -l format -d 'How it looks' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand explain" -l config -d 'Configuration file' -r -F
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand explain" -l log-format -d 'How log lines on standard error look' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand explain" -s v -l verbose -d 'Log each mail and each step as well'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand explain" -s V -l version -d 'Print version'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "init" -d 'Set everything up: ask, try the servers, write a configuration, and say what to publish in DNS'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "run" -d 'Run as a daemon: poll every mailbox, send the digest at its time, until SIGTERM'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "poll" -d 'Poll every mailbox once'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "import" -d 'Import mails and reports from files: mails, JSON, gzip, zip, mbox, Maildirs, and folders of these'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "digest" -d 'Print the next digest, or send it'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "sql" -d 'Query the database; it can\'t be changed'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "check" -d 'Try the configuration, every mailbox, the mail server and the database'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "mails" -d 'List the mails that were not stored, with the reasons'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "status" -d 'How things stand: polls, counts, the next digest, what waits'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "ready" -d 'Whether domains are ready for mode enforce: every condition, and what enforce would have held'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "domains" -d 'How each domain stands: policy as senders see it, connections, problems'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "reporters" -d 'Who reports, how regularly, and who has stopped'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "backup" -d 'Copy the database, also while the daemon runs'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "reparse" -d 'Read rejected mails and stored reports again, after an upgrade, and say what changed'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "forget" -d 'Erase all that is stored about a domain'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "problems" -d 'List the open problems: what is to be repaired, where, since when, and what it does to mail'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "show" -d 'Show a problem by its id with all that is known of it, or a report'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "ack" -d 'Keep a problem out of the mails for some days, unless it gets worse'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "note" -d 'Write down what you did or know about a problem or a domain'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "fixed" -d 'Say that a problem was repaired: one clean day then suffices to call it over'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "report" -d 'Write a page with everything of all days: sessions, reporters, problems, policies, readiness'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "debug-info" -d 'Print versions, settings, counts and the last errors for whoever helps you: no secrets, names or reports'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "accept" -d 'Let reports count that were set aside because their origin isn\'t proven'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "retire" -d 'Say that a domain or an MX is no longer used: its problems are closed, later failures only counted'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "explain" -d 'Tell what a cause, a result type or a combination means, and what to do; without a name, list them'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and not __fish_seen_subcommand_from init run poll import digest sql check mails status ready domains reporters backup reparse forget problems show ack note fixed report debug-info accept retire explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand help; and __fish_seen_subcommand_from show" -f -a "report" -d 'A report by its id, as a person reads it and as it was sent'

# What only the database knows.
function __fish_tlsrptd_config
    set -l words (commandline -opc)
    set -l at (contains -i -- --config $words)
    and set -q words[(math $at + 1)]
    and printf '%s\n' --config $words[(math $at + 1)]
end
function __fish_tlsrptd_problems
    tlsrptd sql --format csv 'SELECT id FROM problems' (__fish_tlsrptd_config) 2>/dev/null | tail -n +2 | tr -d '\r' | env LC_ALL=C grep -E '^[a-z0-9][a-z0-9._-]*$'
end
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand show ack fixed note; and not __fish_seen_subcommand_from report" -f -a "(__fish_tlsrptd_problems)"
function __fish_tlsrptd_domains
    tlsrptd sql --format csv 'SELECT policy_domain FROM domains' (__fish_tlsrptd_config) 2>/dev/null | tail -n +2 | tr -d '\r' | env LC_ALL=C grep -E '^[a-z0-9][a-z0-9._-]*$'
end
complete -c tlsrptd -n "__fish_tlsrptd_using_subcommand ready forget retire note; and not __fish_seen_subcommand_from report" -f -a "(__fish_tlsrptd_domains)"
