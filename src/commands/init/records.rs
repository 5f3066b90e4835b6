//! The DNS records to publish.

/// What to publish for these domains so that reports come to `address`. Nobody's DNS is asked.
pub(super) fn records(domains: &[String], address: &str) -> String {
    let width = domains
        .iter()
        .map(String::len)
        .max()
        .unwrap_or(0)
        .saturating_add(12);
    let uri = uri(address);
    let records: Vec<String> = domains
        .iter()
        .map(|domain| {
            let name = format!("_smtp._tls.{domain}.");
            format!("  {name:<width$}  TXT  \"v=TLSRPTv1; rua=mailto:{uri}\"\n")
        })
        .collect();
    let records = records.concat();
    let first = domains.first().map_or("example.org", String::as_str);
    format!(
        "Publish for each of your mail domains, so that reports come (TXT records):\n\n{records}\n\
         The first reports come a day or two later. They are about MTA-STS and DANE; if you have neither yet,\n\
         begin with MTA-STS in mode testing, which holds no mail back:\n\n  \
         _mta-sts.{first}.  TXT  \"v=STSv1; id=1\"    (a new id whenever the file changes)\n  \
         https://mta-sts.{first}/.well-known/mta-sts.txt:\n    \
         version: STSv1\n    mode: testing\n    mx: mx1.{first}    (a line for each of your MX hosts)\n    \
         max_age: 86400\n\n\
         After some weeks `tlsrptd ready {first}` says whether mode enforce is safe.\n"
    )
}

/// The address in a URI: RFC 8460, Section 3, wants `!`, `,` and `;` encoded, RFC 6068 what else means something there.
fn uri(address: &str) -> String {
    address
        .bytes()
        .map(|byte| match byte {
            b'!' | b',' | b';' | b'%' | b'"' | b'?' | b'#' | b'&' | b'/' | b'\\' | 0..=b' ' | 0x7f.. => {
                format!("%{byte:02X}")
            }
            _ => char::from(byte).to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_domain_has_a_record() {
        let text = records(
            &["example.org".into(), "example.com".into()],
            "tlsrpt@example.org",
        );
        for record in [
            "_smtp._tls.example.org.  TXT  \"v=TLSRPTv1; rua=mailto:tlsrpt@example.org\"",
            "_smtp._tls.example.com.  TXT  \"v=TLSRPTv1; rua=mailto:tlsrpt@example.org\"",
        ] {
            assert!(text.contains(record), "{text}");
        }
    }

    #[test]
    fn what_means_something_in_a_record_is_encoded() {
        assert_eq!(
            uri("tls+rpt!a,b;c@example.org"),
            "tls+rpt%21a%2Cb%3Bc@example.org"
        );
    }
}
