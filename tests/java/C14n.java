import com.sun.org.apache.xml.internal.security.Init;
import com.sun.org.apache.xml.internal.security.c14n.Canonicalizer;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.util.HashSet;
import java.util.Set;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NamedNodeMap;
import org.w3c.dom.Node;
import org.xml.sax.helpers.DefaultHandler;

/**
 * The canonicalization behind the JDK's XML-DSig, asked over standard input as long as there are
 * questions. A question: the length of a document and its bytes, the number of jobs, and for each
 * the algorithm's URI, the PrefixList of its InclusiveNamespaces, and the number of the element
 * whose subtree is meant, in document order, or -1 for the whole. The answer to each job: a length
 * and the canonical form, or -1 and a reason.
 *
 * To be run with --add-exports for the two packages, which are what the public interface calls. In
 * C14N 1.1 a subtree is given as a set of nodes: given the element alone, it takes the ancestors of
 * an xml:base in the wrong order.
 */
public class C14n {
    private static final String XMLNS = "http://www.w3.org/2000/xmlns/";
    private static final DataInputStream IN = new DataInputStream(new BufferedInputStream(System.in));
    private static final DataOutputStream OUT = new DataOutputStream(new BufferedOutputStream(System.out));

    public static void main(String[] args) throws Exception {
        Init.init();
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        DocumentBuilder builder = factory.newDocumentBuilder();
        builder.setErrorHandler(new DefaultHandler());
        while (true) {
            int length = IN.readInt();
            if (length < 0) {
                return;
            }
            byte[] bytes = IN.readNBytes(length);
            Document shared = null;
            for (int jobs = IN.readInt(); jobs > 0; jobs--) {
                String algorithm = IN.readUTF();
                String prefixes = IN.readUTF();
                int element = IN.readInt();
                try {
                    boolean changes = changes(algorithm, element);
                    Document document = shared;
                    if (document == null || changes) {
                        document = builder.parse(new ByteArrayInputStream(bytes));
                    }
                    shared = changes ? shared : document;
                    answer(document, algorithm, prefixes, element);
                } catch (Exception e) {
                    OUT.writeInt(-1);
                    OUT.writeUTF(String.valueOf(e.getMessage()));
                }
            }
            OUT.flush();
        }
    }

    private static void answer(Document document, String algorithm, String prefixes, int element)
            throws Exception {
        Canonicalizer canonicalizer = Canonicalizer.getInstance(algorithm);
        ByteArrayOutputStream canonical = new ByteArrayOutputStream();
        Node apex = element < 0 ? document : document.getElementsByTagName("*").item(element);
        if (changes(algorithm, element)) {
            declare((Element) apex);
            Set<Node> nodes = new HashSet<>();
            collect(apex, nodes);
            canonicalizer.canonicalizeXPathNodeSet(nodes, canonical);
        } else if (prefixes.isEmpty()) {
            canonicalizer.canonicalizeSubtree(apex, canonical);
        } else {
            canonicalizer.canonicalizeSubtree(apex, prefixes, canonical);
        }
        OUT.writeInt(canonical.size());
        canonical.writeTo(OUT);
    }

    /** Whether this is done with a set of nodes, which changes the tree. */
    private static boolean changes(String algorithm, int element) {
        return element >= 0 && algorithm.contains("c14n11");
    }

    /** Writes the namespaces it inherits to the element itself: in XPath every element has them. */
    private static void declare(Element apex) {
        for (Node up = apex.getParentNode(); up instanceof Element; up = up.getParentNode()) {
            NamedNodeMap attributes = up.getAttributes();
            for (int index = 0; index < attributes.getLength(); index++) {
                Node attribute = attributes.item(index);
                if (XMLNS.equals(attribute.getNamespaceURI()) && !apex.hasAttribute(attribute.getNodeName())) {
                    apex.setAttributeNS(XMLNS, attribute.getNodeName(), attribute.getNodeValue());
                }
            }
        }
    }

    private static void collect(Node node, Set<Node> nodes) {
        nodes.add(node);
        NamedNodeMap attributes = node.getAttributes();
        for (int index = 0; attributes != null && index < attributes.getLength(); index++) {
            nodes.add(attributes.item(index));
        }
        for (Node child = node.getFirstChild(); child != null; child = child.getNextSibling()) {
            collect(child, nodes);
        }
    }
}
