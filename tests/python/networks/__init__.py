"""Real software on loopback: certificates, a TLS server, a forward proxy, nginx."""
