//! Signatures that dkimpy 1.1.8 made once (`dkim.sign`, all four canonicalisations) over [`MAIL`], with keys that were then
//! thrown away.

pub(super) const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnUjFE6UsqJReAOkV3E64Di9mUZMq+gNs5LNktn87FC3XqWFZkDVNycaw3ElLvUqoU7Pdi1HkIEP3kKoBxi6ZeP4bqIkKrN6/aV50VQJohDY8OBfFzZy2APsecQGbwHvFS9oZw85DtT5sZGFsRd3ea+VVqcDsCqutJGRoQ+MoHuzueSxTwFPUOZ6EwA8D16nspFg0GB3PowmFITGqCDK+5XGVJURAFvGRYmkCNy4OU0+T4J9G5QResG82t/HP+oEaggWKJzjcwBY1tIyIjd7lAbMoNR2a7IlVMcqWLym+s3rhU+MY43Xlsp0R8GZQxEqs8EMTkTxjF98ZRqlUdgCUiwIDAQAB";
pub(super) const ED25519: &str = "RxmVY39HSeRiWmuCAfNHOqwWa6Ak4rBaUcv406T2F+g=";
pub(super) const MAIL: &str = "From: TLS <tls@example.com>\r\nTo: rua@example.org\r\nSubject: Report\r\n  folded\r\nDate: Fri, 20 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nHello \t report\r\n\r\n\r\n";
/// Kind of key, canonicalisation, DKIM-Signature.
pub(super) const SIGNATURES: [(&str, &str, &str); 8] = [
    (
        "rsa",
        "relaxed/relaxed",
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;\r\n i=@example.com; q=dns/txt; s=s1; t=1795341927; h=from : to : subject :\r\n date : message-id; bh=SdKIpPzjCLuWrZZQi9E9R7czLBELkTzyIkw3brz6+E4=;\r\n b=H5MKuw9fr53jiIwKA/Wx6hr/eJ4BLWgEWopXNiSbcQL+vZEe6fXSptTfJysDX/+SHZXQi\r\n P2Db2LSW8hl5NtRN74cgVQR49sfjMENy9QRueD0jY0gr1TGxZYnxWKQ1qIGk8ZsTk8VPpye\r\n 82NpnpdgovSGB57egWv0PO9xC6x5KrbiigIHg872BPP+LPMvVgfW75rjMNlbeKWkgoEfVba\r\n Pl5uCLygu8RzcKC0AjZMYpOgiSGBkZbS3freUiTmTPUF2bg4RRpWF0RyxOnEnIw9xJzY2Lq\r\n j91lkpm+O0xrme0WMtVuy7bhowJ+0W1oubuckjK7bSO1ic5EpZqfMvyOIZsA==\r\n",
    ),
    (
        "rsa",
        "relaxed/simple",
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.com;\r\n i=@example.com; q=dns/txt; s=s1; t=1795341927; h=from : to : subject :\r\n date : message-id; bh=SZKJ/U9b3nLNJfp4rUwa2s8CLVdRBO+yQyAN8DX+OKY=;\r\n b=jOu1b+JAijWXW9stagt25VkcdGPxcB+sIrARRey4z2NuqxHzCO9QculALtZLBMkGkE3VD\r\n nSbB4wOWMal0bJQf+7A4VtCVjjkgFFwrFMZ3eJ3pzw07rpFCB6qUwMFJDsZW3DLXGX7+2rQ\r\n 4LPbIBhldpuUzbUVPL9k1/S1+3XLf6G5lPv9g+LMgSQD3LdlTDMi+fe64At50LCDhXEufKH\r\n iWGCnLFhqGLZlzmSWgG13tFUDUyXO9m+nyo491bLwaZX6llaw6OMkYfmpXHLqIzn4HtPi45\r\n 7nsyUc91rpo8lU5cQ9Fi6wT52DogZzV065JOF5VCC+J3o/q2jYuWPcXmnplg==\r\n",
    ),
    (
        "rsa",
        "simple/relaxed",
        "DKIM-Signature: v=1; a=rsa-sha256; c=simple/relaxed; d=example.com;\r\n i=@example.com; q=dns/txt; s=s1; t=1795341927; h=from : to : subject :\r\n date : message-id; bh=SdKIpPzjCLuWrZZQi9E9R7czLBELkTzyIkw3brz6+E4=;\r\n b=OLfdsEXUF/plrSnlVNHdgSMTMxHMWVcyTjawifKEQMFwp3Fs6XCklAqfwbDSVqrmc05W/\r\n LFjH+QNzlrGYZtLM127s566aF3aEmiblH6xqtP5ABNOxdCsVe593/jhgNQ2J1SY1tCt9uA7\r\n MUUQv6E8pKW95Kj/aMAPJdsCtcxN+Ki8ybCeYFM5h7dRa7stJzLWLWC/qPa5jWrA5zUfEoj\r\n 2cDkPy3AlRV96uTsaYy9bOYYo1qCwMQK7dDWtyyj6i2IocJMV3Nnapfz7kbIuiZrz+3RDwF\r\n 9coYpxrDv8ZBM4zGMHOcimOwAu9fRBYUNWa8qVoRRY2xgvlFxmzokKCirYRA==\r\n",
    ),
    (
        "rsa",
        "simple/simple",
        "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.com;\r\n i=@example.com; q=dns/txt; s=s1; t=1795341928; h=from : to : subject :\r\n date : message-id; bh=SZKJ/U9b3nLNJfp4rUwa2s8CLVdRBO+yQyAN8DX+OKY=;\r\n b=RsAdtzxcr5fMiMGFfd8RaUzCDhEO0g+7gfJwP5Kx6Ypzt/k5IdL6s+XBxuB4yhMkHf3Jw\r\n JUmMFMNx6tajx49vW6lZb4MwqZ2JstD92+gUSWBL7wRL3ClHAZ25S3Tzy8FI6p6M9sAmglm\r\n QL1YFQb+3eVO4O1VnhTrcvl2mXK3MacdSCVSbdnqM2qaZlSiUJdLyJ8GVtVBYa0tjJS+IaE\r\n sFZf1l0xWq0l8UCtbpcOsB4CT/RWtWLcsS3pBsVSkK3RVa+wTBwfC3t3+Bfj7M8h+WW6Bje\r\n PsQVZV6noUI/MZeVIosc3ZjD0GvZlve7SpZQsm9bMKQRD1t2Utzjoamzeayw==\r\n",
    ),
    (
        "ed25519",
        "relaxed/relaxed",
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com;\r\n i=@example.com; q=dns/txt; s=s2; t=1795341928; h=from : to : subject :\r\n date : message-id; bh=SdKIpPzjCLuWrZZQi9E9R7czLBELkTzyIkw3brz6+E4=;\r\n b=5lpLQ7l4rARfAC2H0ngEJyZhAubGPTezpPcaWvqjHb8zeIzMKB/AEmb80bcpgiQuLAriN\r\n jMaTVpHoWr5zSZ0Cw==\r\n",
    ),
    (
        "ed25519",
        "relaxed/simple",
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=example.com;\r\n i=@example.com; q=dns/txt; s=s2; t=1795341928; h=from : to : subject :\r\n date : message-id; bh=SZKJ/U9b3nLNJfp4rUwa2s8CLVdRBO+yQyAN8DX+OKY=;\r\n b=DayD0Kj/GnS80skjjdJdCuhHj+DZD4S7LRuSPRV0T0S8QN+tnY3aWAAAJZO+ZivokXwzs\r\n UDvRc4W28FgMu5YBQ==\r\n",
    ),
    (
        "ed25519",
        "simple/relaxed",
        "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/relaxed; d=example.com;\r\n i=@example.com; q=dns/txt; s=s2; t=1795341928; h=from : to : subject :\r\n date : message-id; bh=SdKIpPzjCLuWrZZQi9E9R7czLBELkTzyIkw3brz6+E4=;\r\n b=92gWSpRuh8hdmk6cCokSCZlrb91Hjb/sOTmtqdZMzkutqpwtETXzcSRwmgidrpmUx+Cx0\r\n JFPdBlBGeNR7ICZBw==\r\n",
    ),
    (
        "ed25519",
        "simple/simple",
        "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=example.com;\r\n i=@example.com; q=dns/txt; s=s2; t=1795341928; h=from : to : subject :\r\n date : message-id; bh=SZKJ/U9b3nLNJfp4rUwa2s8CLVdRBO+yQyAN8DX+OKY=;\r\n b=PVgfBGm38w3q7AOvFBfFYFAShMeV+X4yzsBlYqrr5WHgUHFKrRztS+cav2xlKNMAKyC+y\r\n 4b2IoWkfUfcvBrjDA==\r\n",
    ),
];
